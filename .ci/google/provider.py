"""A Terraform provider that knows the schema of Google's and no cloud: what is planned is as it was written, what only Google
could tell is unknown until it is applied and made up then. Terraform starts it as a plugin (protocol 6).

The schema is the file that WEIR_GOOGLE_SCHEMA names, made by schema.py.
"""

import hashlib
import json
import os
import pathlib

import msgpack
import tf.provider
from tf.gen import tfplugin_pb2 as messages
from tf.gen import tfplugin_pb2_grpc as service
from tf.runner import run_provider

SCHEMA = json.loads(pathlib.Path(os.environ["WEIR_GOOGLE_SCHEMA"]).read_text())
RESOURCES, DATA_SOURCES = SCHEMA["resource_schemas"], SCHEMA["data_source_schemas"]
UNKNOWN = msgpack.ExtType(0, b"\0")
NESTING = {"single": 1, "list": 2, "set": 3}
# What Google fills in where the configuration leaves it out; any other optional value stays null.
FILLED_IN = {"id", "project", "region", "self_link"}


def as_message(block):
    attributes = [
        messages.Schema.Attribute(
            name=name,
            type=json.dumps(attribute["type"]).encode(),
            required=attribute.get("required", False),
            optional=attribute.get("optional", False),
            computed=attribute.get("computed", False),
        )
        for name, attribute in block["attributes"].items()
    ]
    nested = [
        messages.Schema.NestedBlock(
            type_name=name,
            block=as_message(inner["block"]),
            nesting=NESTING[inner["nesting_mode"]],
            min_items=inner.get("min_items", 0),
            max_items=inner.get("max_items", 0),
        )
        for name, inner in block["block_types"].items()
    ]
    return messages.Schema.Block(attributes=attributes, block_types=nested)


def schema_of(block):
    return messages.Schema(version=0, block=as_message(block))


def packed(value):
    return messages.DynamicValue(msgpack=msgpack.packb(value))


def unpacked(value):
    if not value.msgpack:
        return json.loads(value.json or b"null")
    return msgpack.unpackb(value.msgpack, ext_hook=lambda _code, _data: UNKNOWN, strict_map_key=False)


def made_up(value_type, seed):
    """A value of the type, always the same for a seed, so that what was applied plans no change."""
    if isinstance(value_type, str):
        name = "made-up-" + hashlib.sha256(seed.encode()).hexdigest()[:12]
        return {"string": name, "number": 0, "bool": False}.get(value_type)
    kind, inner = value_type
    if kind == "object":
        return {name: made_up(of, f"{seed}.{name}") for name, of in inner.items()}
    return {} if kind == "map" else []


def each_block(block, value):
    """The block's value and those of the blocks in it, with their schemas."""
    if not isinstance(value, dict):
        return
    yield block, value
    for name, inner in block["block_types"].items():
        held = value.get(name)
        for element in held if isinstance(held, list) else [held]:
            yield from each_block(inner["block"], element)


def planned(block, value):
    for inner, held in each_block(block, value):
        for name, attribute in inner["attributes"].items():
            left_out = held.get(name) is None and attribute.get("computed")
            if left_out and (name in FILLED_IN or not attribute.get("optional")):
                held[name] = UNKNOWN
    return value


def applied(block, value, seed):
    for number, (inner, held) in enumerate(each_block(block, value)):
        for name, attribute in inner["attributes"].items():
            if isinstance(held.get(name), msgpack.ExtType):
                held[name] = made_up(attribute["type"], f"{seed}.{number}.{name}")
    return value


class Google(service.ProviderServicer):
    """The provider, as Terraform calls it."""

    def __init__(self, _provider):
        pass

    def GetMetadata(self, _request, _context):
        of = messages.GetMetadata
        return of.Response(
            resources=[of.ResourceMetadata(type_name=name) for name in RESOURCES],
            data_sources=[of.DataSourceMetadata(type_name=name) for name in DATA_SOURCES],
        )

    def GetProviderSchema(self, _request, _context):
        return messages.GetProviderSchema.Response(
            provider=schema_of(SCHEMA["provider"]),
            resource_schemas={name: schema_of(block) for name, block in RESOURCES.items()},
            data_source_schemas={name: schema_of(block) for name, block in DATA_SOURCES.items()},
        )

    def ValidateProviderConfig(self, _request, _context):
        return messages.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, _request, _context):
        return messages.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, _request, _context):
        return messages.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, _request, _context):
        return messages.ConfigureProvider.Response()

    def UpgradeResourceState(self, request, _context):
        state = json.loads(request.raw_state.json)
        return messages.UpgradeResourceState.Response(upgraded_state=packed(state))

    def ReadResource(self, request, _context):
        return messages.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request, _context):
        proposed = unpacked(request.proposed_new_state)
        if proposed is not None and unpacked(request.prior_state) is None:
            proposed = planned(RESOURCES[request.type_name], proposed)
        return messages.PlanResourceChange.Response(planned_state=packed(proposed))

    def ApplyResourceChange(self, request, _context):
        seed = f"{request.type_name} {unpacked(request.config)}"
        state = applied(RESOURCES[request.type_name], unpacked(request.planned_state), seed)
        return messages.ApplyResourceChange.Response(new_state=packed(state))

    def ReadDataSource(self, request, _context):
        block, config = DATA_SOURCES[request.type_name], unpacked(request.config)
        state = applied(block, planned(block, config), request.type_name)
        return messages.ReadDataSource.Response(state=packed(state))

    def GetFunctions(self, _request, _context):
        return messages.GetFunctions.Response()

    def StopProvider(self, _request, _context):
        return messages.StopProvider.Response()


class Named:
    """What the runner asks a provider for."""

    def full_name(self):
        return "registry.terraform.io/hashicorp/google"


if __name__ == "__main__":
    tf.provider.ProviderServicer = Google
    run_provider(Named())
