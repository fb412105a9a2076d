"""Asserts that scripts/function-archive takes the notification function and nothing that Lambda could not run.

usage: check.py BOOTSTRAP
"""

import base64
import hashlib
import pathlib
import platform
import re
import subprocess
import sys
import tempfile
import unittest
import zipfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = REPOSITORY / "scripts/function-archive"
# That of the image in which the Dockerfile compiles. What a newer one adds is in what it compiles, and not in what is delivered.
GLIBC_OF_THE_BUILD = (2, 36)

bootstrap = pathlib.Path()


class FunctionArchive(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = pathlib.Path(scratch.name)

    def pack(self, *arguments, program=None, name="notification.zip"):
        return subprocess.run([PROGRAM, program or bootstrap, self.folder / name, *arguments], capture_output=True, text=True)

    def test_the_function_asks_for_no_newer_c_library_than_lambda_has(self):
        _, glibc = platform.libc_ver()
        if tuple(int(part) for part in glibc.split(".")) > GLIBC_OF_THE_BUILD:
            print(f"built with glibc {glibc}: what the Dockerfile compiles, with another, is held to Lambda's when it is packed")
            return
        done = self.pack()
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_archive_holds_the_program_and_its_hash_is_terraforms(self):
        done = self.pack("--glibc=9.9")
        self.assertEqual(done.returncode, 0, done.stderr)
        archive = self.folder / "notification.zip"
        with zipfile.ZipFile(archive) as packed:
            (entry,) = packed.infolist()
            self.assertEqual((entry.filename, entry.external_attr >> 16), ("bootstrap", 0o100755))
            self.assertEqual(packed.read(entry), bootstrap.read_bytes())
        (digest,) = re.findall(r'key = "notification.zip", source_sha256 = "(.*)"', done.stdout)
        self.assertEqual(base64.b64decode(digest), hashlib.sha256(archive.read_bytes()).digest())
        self.pack("--glibc=9.9", name="again.zip")
        self.assertEqual((self.folder / "again.zip").read_bytes(), archive.read_bytes())

    def test_what_would_not_start_there_is_refused_by_the_name_of_what_it_needs(self):
        (self.folder / "text").write_text("text")
        (self.folder / "source.c").write_text("int main(void) { return 0; }")
        other = self.folder / "other"
        subprocess.run(["cc", "-o", other, self.folder / "source.c", "-Wl,--no-as-needed", "-lutil", "-lresolv"], check=True)
        for done, said in [
            (self.pack("--glibc=2.33"), "__libc_start_main of GLIBC_2.34; there is 2.33"),
            (self.pack(program=other), "the library libresolv.so.2"),
            (self.pack(program=self.folder / "text"), "is no program"),
            (self.pack(program=self.folder / "none"), "there is no"),
        ]:
            self.assertEqual(done.returncode, 1)
            self.assertIn(said, done.stderr)
        self.assertFalse((self.folder / "notification.zip").exists())


if __name__ == "__main__":
    bootstrap = pathlib.Path(sys.argv[1])
    unittest.main(argv=sys.argv[:1])
