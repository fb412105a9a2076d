"""Validates objects of custom kinds by the schemas of their definitions, as the API server would, and more strictly: a field that
no schema knows is an error. Objects of other kinds are written to a file, for whoever knows those.

usage: custom.py DEFINITIONS_FOLDER OTHERS.yaml FILE.yaml ...
"""

import pathlib
import sys

import jsonschema
import yaml


def closed(schema):
    """The same schema, in which objects have no fields but those that it names."""
    if isinstance(schema, list):
        return [closed(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    strict = {name: closed(inner) for name, inner in schema.items()}
    is_open = schema.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in schema
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object" and not is_open:
        strict["additionalProperties"] = False
    return strict


def schemas(folder):
    found = {}
    for file in sorted(pathlib.Path(folder).glob("*.yaml")):
        for definition in yaml.safe_load_all(file.read_text()):
            if not definition or definition["kind"] != "CustomResourceDefinition":
                continue
            spec = definition["spec"]
            for version in spec["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                # The API server knows what is in there.
                schema["properties"]["metadata"]["x-kubernetes-preserve-unknown-fields"] = True
                found[f"{spec['group']}/{version['name']}", spec["names"]["kind"]] = closed(schema)
    return found


def main(folder, others, *files):
    known, rest, faults = schemas(folder), [], []
    for file in files:
        for found in yaml.safe_load_all(pathlib.Path(file).read_text()):
            if not found:
                continue
            schema = known.get((found["apiVersion"], found["kind"]))
            if schema is None:
                rest.append(found)
                continue
            for error in jsonschema.Draft7Validator(schema).iter_errors(found):
                where = "/".join(map(str, error.absolute_path))
                faults.append(f"{file}: {found['kind']} {found['metadata']['name']}: /{where}: {error.message}")
    pathlib.Path(others).write_text(yaml.safe_dump_all(rest))
    if faults:
        sys.exit("\n".join(faults))


if __name__ == "__main__":
    main(*sys.argv[1:])
