"""What moto does not serve (left-out.yaml), for a copy of terraform/aws: overrides that leave it out, the list of it, and whether a plan
shows what is said of attributes.

usage: left_out.py leave-out ROOT [BUT]   all resources of the list but one
       left_out.py keep ROOT              what a plan would set again because moto does not give it back
       left_out.py list                   RESOURCE<tab>WORDS of each that is left out
       left_out.py differences PLAN       fails unless this plan (`terraform show -json`) changes every attribute that is listed
"""

import json
import pathlib
import re
import sys

import yaml

LISTED = yaml.safe_load(pathlib.Path(__file__).with_name("left-out.yaml").read_text())


def without_keys(address):
    """`module.vpn[0].aws_x.this["a"]` is written down once, in the folder of its module: `module.vpn.aws_x.this`."""
    return re.sub(r"\[[^]]*\]", "", address)


def place(root, address):
    """The folder of a resource, its type and its name."""
    *modules, kind, name = without_keys(address).split(".")
    return root.joinpath(*("modules" if part == "module" else part for part in modules)), kind, name


def source(folder, kind, name):
    head = f'resource "{kind}" "{name}" {{\n'
    for file in folder.glob("*.tf"):
        if not file.name.endswith("_override.tf") and head in (text := file.read_text()):
            return text.split(head, 1)[1].split("\n}\n", 1)[0]
    sys.exit(f"{folder} has no {kind}.{name}: mend left-out.yaml")


def write(root, name, blocks):
    for old in root.rglob(name):
        old.unlink()
    for folder, text in blocks:
        with (folder / name).open("a") as file:
            file.write(text)


def leave_out(root, but=None):
    blocks = []
    for entry in LISTED["left_out"]:
        folder, kind, name = place(root, entry["resource"])
        none = "for_each = {}" if re.search(r"^  for_each ", source(folder, kind, name), re.M) else "count = 0"
        if entry["resource"] != but:
            blocks.append((folder, f'resource "{kind}" "{name}" {{\n  {none}\n}}\n'))
    write(root, "left_out_override.tf", blocks)


def keep(root):
    attributes = {}
    for entry in LISTED["not_kept"]:
        attributes.setdefault(entry["resource"], []).append(entry["attribute"])
    blocks = []
    for resource, ignored in attributes.items():
        folder, kind, name = place(root, resource)
        source(folder, kind, name)
        blocks.append((folder, f'resource "{kind}" "{name}" {{\n  lifecycle {{\n    ignore_changes = [{", ".join(ignored)}]\n  }}\n}}\n'))
    write(root, "not_kept_override.tf", blocks)


def differences(plan):
    found = set()
    for resource in json.loads(pathlib.Path(plan).read_text())["resource_changes"]:
        change = resource["change"]
        if "update" in change["actions"] or "delete" in change["actions"]:
            before, after = change["before"], change["after"] or {}
            found |= {(without_keys(resource["address"]), key) for key in before if before[key] != after.get(key)}
    kept = [entry for entry in LISTED["not_kept"] if (without_keys(entry["resource"]), entry["attribute"]) not in found]
    for entry in kept:
        print(f"moto keeps {entry['attribute']} of {entry['resource']}: take it out of left-out.yaml", file=sys.stderr)
    sys.exit(bool(kept))


def main(what, *arguments):
    if what == "list":
        for entry in LISTED["left_out"]:
            print(entry["resource"], entry["says"], sep="\t")
    elif what == "leave-out":
        leave_out(pathlib.Path(arguments[0]), *arguments[1:])
    elif what == "keep":
        keep(pathlib.Path(arguments[0]))
    elif what == "differences":
        differences(arguments[0])
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
