"""Writes the schema of Terraform's Google provider as JSON, from the npm package @cdktf/provider-google.

The provider itself is half a gigabyte from a registry that a machine without the internet does not reach. The package was
generated from the provider's schema and keeps all of it that matters to a configuration: its jsii description has the names,
the types and what is required, its JavaScript what is a block and what is a set.

usage: schema.py PACKAGE_FOLDER OUT.json TYPE...     TYPE is a resource, `google_storage_bucket`, or `data.google_project`
"""

import gzip
import json
import pathlib
import re
import sys

PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool", "any": "dynamic"}
CDKTF = {"cdktf.StringMap": ["map", "string"], "cdktf.NumberMap": ["map", "number"], "cdktf.BooleanMap": ["map", "bool"]}
# How the generated code declares a field of a block.
FIELD = re.compile(r'^ +(\w+): \{\s+value: .*?,\s+isBlock: (true|false),\s+type: "(\w+)",', re.M)


class Package:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        described = json.loads((self.folder / ".jsii").read_text())
        if described.get("schema") == "jsii/file-redirect":
            described = json.loads(gzip.decompress((self.folder / described["filename"]).read_bytes()))
        self.types, self.name = described["types"], described["name"]

    def properties(self, type_name):
        described = self.types.get(type_name, {})
        return {entry["name"]: entry for entry in described.get("properties", []) if not entry.get("static")}


class Kind:
    """One resource or data source: a module of the package."""

    def __init__(self, package, folder):
        self.package = package
        files = [folder / "index.js", *sorted((folder / "index-structs").glob("*.js"))]
        self.code = "\n".join(file.read_text() for file in files)
        words = folder.name.split("-")
        self.module = package.name + "." + words[0] + "".join(word.capitalize() for word in words[1:])

    def fields(self, struct, within):
        """What the code says of a struct's fields: by name, whether each is a block, and its kind of collection."""
        begin = {
            "struct": f"function {struct[0].lower()}{struct[1:]}ToHclTerraform(",
            "root": "    synthesizeHclAttributes() {",
        }[within]
        start = self.code.find(begin)
        end = self.code.find("\n}" if within == "struct" else "\n    }", start)
        found = FIELD.findall(self.code[start:end]) if start >= 0 else []
        return {name: (is_block == "true", collection) for name, is_block, collection in found}

    def block(self, struct, result, within="struct"):
        """A block: what may be configured is a property of `struct`, what is only read one of the class `result`."""
        fields = self.fields(struct, within)
        attributes, blocks = {}, {}
        given = self.package.properties(f"{self.module}.{struct}")
        for name, entry in given.items():
            documented = re.search(r"docs(?:/[\w-]+/\w+)?#(\w+)", json.dumps(entry["docs"]))
            name = documented.group(1) if documented else snake(name)
            if name not in fields:
                continue
            is_block, collection = fields[name]
            inner, is_many = self.struct_of(entry["type"])
            required = not entry.get("optional")
            if is_block and inner:
                mode = {"set": "set", "list": "list"}.get(collection, "single" if name == "timeouts" else "list")
                nested = {"nesting_mode": mode, "block": self.block(inner, f"{inner}OutputReference")}
                if mode != "single":
                    nested |= {"max_items": 1} if not is_many else {}
                    nested |= {"min_items": 1} if required else {}
                blocks[name] = nested
                continue
            kind = {"required": True} if required else {"optional": True, "computed": True}
            attributes[name] = {"type": self.value_type(entry["type"], collection), **kind}
        taken = set(given) | {f"{name}Input" for name in given}
        for name, value_type in self.read_only(result, taken).items():
            attributes.setdefault(name, {"type": value_type, "computed": True})
        return {"attributes": attributes, "block_types": blocks}

    def read_only(self, result, taken=frozenset()):
        found = {}
        for name, entry in self.package.properties(f"{self.module}.{result}").items():
            if name in taken or name == "internalValue":
                continue
            is_set = f"Fn.tolist(this.getListAttribute('{snake(name)}')" in self.code
            found[snake(name)] = self.value_type(entry["type"], "set" if is_set else "list")
        return found

    def struct_of(self, described):
        """The struct that a property holds, and whether it holds many; `None` where it holds something simpler."""
        for described in described.get("union", {}).get("types", [described]):
            is_many = "collection" in described
            described = described["collection"]["elementtype"] if is_many else described
            name = described.get("fqn", "")
            if name.startswith(self.module + "."):
                return name.removeprefix(self.module + "."), is_many
        return None, False

    def value_type(self, described, collection):
        """The type of an attribute, as Terraform writes types."""
        inner, is_many = self.struct_of(described)
        if inner and inner.endswith("List"):
            return ["list", ["object", self.read_only(inner.removesuffix("List") + "OutputReference")]]
        if inner:
            attributes = self.block(inner, "")["attributes"]
            value_type = ["object", {name: attribute["type"] for name, attribute in attributes.items()}]
            return [collection, value_type] if is_many else value_type
        options = described.get("union", {}).get("types", [described])
        for option in options:
            if "primitive" in option:
                return PRIMITIVES[option["primitive"]]
            if option.get("fqn") in CDKTF:
                return CDKTF[option["fqn"]]
            if "collection" in option:
                holds = self.value_type(option["collection"]["elementtype"], "list")
                is_map = option["collection"]["kind"] == "map"
                return ["map" if is_map else "set" if collection == "set" else "list", holds]
        # What is left is a truth value that may be known later only.
        return "bool"


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def main(folder, out, *wanted):
    package = Package(folder)
    schema = {"provider": {}, "resource_schemas": {}, "data_source_schemas": {}}
    for kind in ("provider", *wanted):
        is_data = kind.startswith("data.")
        module = kind.removeprefix("data.").removeprefix("google_").replace("_", "-")
        module = f"data-google-{module}" if is_data else module
        described = Kind(package, package.folder / "lib" / module)
        found = re.search(r"^class (\w+) extends cdktf\.Terraform(?:Resource|DataSource|Provider) ", described.code, re.M)
        name = found.group(1)
        block = described.block(f"{name}Config", "" if kind == "provider" else name, "root")
        if kind == "provider":
            block["attributes"].pop("alias", None)
            schema["provider"] = block
        else:
            of = schema["data_source_schemas" if is_data else "resource_schemas"]
            of[kind.removeprefix("data.")] = block
    pathlib.Path(out).write_text(json.dumps(schema))


if __name__ == "__main__":
    main(*sys.argv[1:])
