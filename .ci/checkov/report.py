"""Reads what checkov found under terraform/, and fails where something is wrong, could not be read, was not looked at, or is skipped
without a reason: checkov itself ends well with files that it cannot read, and where it found none.

usage: report.py FILE
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent / "terraform"
# checkov has no rule for any kind of resource in these.
WITHOUT_RULES = {"aws/modules/vpn"}


def place(check):
    return f"terraform{check['file_path']}:{check['file_line_range'][0]}: {check['resource']}: {check['check_id']}"


report = json.loads(pathlib.Path(sys.argv[1]).read_text())
# Without anything to look at it is a summary alone.
results = report.get("results", {})
passed, failed, skipped = (results.get(f"{kind}_checks", []) for kind in ("passed", "failed", "skipped"))

problems = [f"{place(check)}: {check['check_name']}" for check in failed]
problems += [f"{file}: cannot be read" for file in results.get("parsing_errors", [])]
problems += [f"{place(check)}: skipped without a reason" for check in skipped if check["check_result"].get("suppress_comment", "No comment provided") == "No comment provided"]

seen = {check["file_path"].lstrip("/") for check in passed + failed + skipped}
for folder in sorted(file.parent.relative_to(ROOT) for file in ROOT.rglob("versions.tf")):
    looked_at = any(pathlib.PurePath(file).parent == folder for file in seen)
    if not looked_at and str(folder) not in WITHOUT_RULES:
        problems.append(f"terraform/{folder}: nothing of it was looked at")
    if looked_at and str(folder) in WITHOUT_RULES:
        problems.append(f"terraform/{folder}: checkov has rules for it now: take it out of WITHOUT_RULES")

if problems:
    sys.exit("\n".join(sorted(set(problems))))
print(f"terraform: checkov: {len(passed)} checks passed, {len(skipped)} skipped with a reason")
