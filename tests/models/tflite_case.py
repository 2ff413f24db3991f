"""Builds small TensorFlow Lite files and runs them by the reference kernels of ai-edge-litert. Needs: pip install numpy ai-edge-litert."""
import pathlib
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = pathlib.Path(__file__).parent
ONLY = sys.argv[1] if len(sys.argv) > 1 else ""
seen = set()

TYPES = {np.dtype(np.float32): schema.TensorType.FLOAT32, np.dtype(np.float16): schema.TensorType.FLOAT16,
         np.dtype(np.int8): schema.TensorType.INT8, np.dtype(np.uint8): schema.TensorType.UINT8,
         np.dtype(np.int16): schema.TensorType.INT16, np.dtype(np.int32): schema.TensorType.INT32,
         np.dtype(np.int64): schema.TensorType.INT64, np.dtype(np.bool_): schema.TensorType.BOOL}

VERSIONS = {"BROADCAST_TO": 2}  # the first that there is of an operator, where that is not 1; int8_case() adds to it


def rng(name):
    return np.random.default_rng(sum(name.encode()) * 7919 + len(name))


def rand(name, *shape, low=-2.0, high=2.0):
    return rng(name + str(shape)).uniform(low, high, shape).astype(np.float32)


def options(kind, **fields):
    """The options of an operator: options("Conv2D", strideW=1, ...)."""
    table = getattr(schema, kind + "OptionsT")()
    for key, value in fields.items():
        assert hasattr(table, key), (kind, key)
        setattr(table, key, value)
    return table


def quantization(scale, zero_point, axis=0):
    table = schema.QuantizationParametersT()
    table.scale = np.atleast_1d(np.asarray(scale, np.float32))
    table.zeroPoint = np.broadcast_to(np.asarray(zero_point, np.int64), table.scale.shape)
    table.quantizedDimension = axis
    return table


class Sparse:
    """A constant in the sparse format: the stored elements and how they are traversed."""

    def __init__(self, shape, values, order, block_map, levels):
        self.shape, self.values, self.order, self.block_map, self.levels = shape, np.asarray(values), order, block_map, levels

    @property
    def dtype(self):
        return self.values.dtype

    def parameters(self):
        table = schema.SparsityParametersT()
        table.traversalOrder, table.blockMap = self.order, self.block_map or None
        table.dimMetadata = []
        for level in self.levels:
            metadata = schema.DimensionMetadataT()
            if isinstance(level, int):
                metadata.format, metadata.denseSize = schema.DimensionType.DENSE, level
            else:
                metadata.format = schema.DimensionType.SPARSE_CSR
                width, segments, indices = level
                kind = {8: "Uint8", 16: "Uint16", 32: "Int32"}[width]
                for field, values in (("arraySegments", segments), ("arrayIndices", indices)):
                    vector = getattr(schema, kind + "VectorT")()
                    vector.values = values
                    setattr(metadata, field, vector)
                    setattr(metadata, field + "Type", getattr(schema.SparseIndexVector, kind + "Vector"))
            table.dimMetadata.append(metadata)
        return table


class ModelBuilder:
    def __init__(self):
        self.model = schema.ModelT()
        self.model.version, self.model.description = 3, "linnet test"
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.buffers = [schema.BufferT()]
        self.codes = {}

    def opcode(self, name):
        if name not in self.codes:
            code = schema.OperatorCodeT()
            code.builtinCode = getattr(schema.BuiltinOperator, name)
            code.deprecatedBuiltinCode = min(code.builtinCode, 127)
            code.version = VERSIONS.get(name, 1)
            self.codes[name] = len(self.model.operatorCodes)
            self.model.operatorCodes.append(code)
        return self.codes[name]

    def subgraph(self, ops, inputs, consts, outputs, types=None, shapes=None, quantized=None, variables=()):
        """ops: [(operator, input names, output names, options)], None for an absent input; inputs and consts: {name: array}; types, of
        tensors that operators give: float32 unless said otherwise; quantized: {name: (scale, zero point[, axis])}."""
        types, shapes, quantized = types or {}, shapes or {}, quantized or {}
        graph = schema.SubGraphT()
        graph.name, graph.tensors, graph.operators = "main", [], []
        index = {}

        def add(name, dtype, shape, data=None):
            tensor = schema.TensorT()
            tensor.name, tensor.type, tensor.shape = name, TYPES[np.dtype(dtype)] if dtype != "resource" else schema.TensorType.RESOURCE, list(shape)
            tensor.buffer, tensor.isVariable = 0, name in variables
            if data is not None:
                buffer = schema.BufferT()
                buffer.data = np.frombuffer((data.values if isinstance(data, Sparse) else np.ascontiguousarray(data)).tobytes(), np.uint8)
                tensor.buffer = len(self.model.buffers)
                self.model.buffers.append(buffer)
                if isinstance(data, Sparse):
                    tensor.sparsity = data.parameters()
            if name in quantized:
                tensor.quantization = quantization(*quantized[name])
            index[name] = len(graph.tensors)
            graph.tensors.append(tensor)

        for name, array in inputs.items():
            add(name, array.dtype, array.shape)
        for name, array in consts.items():
            add(name, array.dtype, array.shape, array)
        for _, ins, outs, _ in ops:
            for name in [*ins, *outs]:
                if name is not None and name not in index:
                    add(name, types.get(name, np.float32), shapes.get(name, [1] if types.get(name) != "resource" else []))
        for op, ins, outs, table in ops:
            operator = schema.OperatorT()
            operator.opcodeIndex = self.opcode(op)
            operator.inputs = [-1 if name is None else index[name] for name in ins]
            operator.outputs = [index[name] for name in outs]
            if table is not None:
                operator.builtinOptions = table
                operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(table).__name__[:-1])
            graph.operators.append(operator)
        graph.inputs = [index[name] for name in inputs]
        graph.outputs = [index[name] for name in outputs]
        self.model.subgraphs.append(graph)
        return graph

    def bytes(self):
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def run(content, inputs):
    try:
        interpreter = Interpreter(model_content=content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF,
                                  experimental_preserve_all_tensors=True)
    except ValueError:  # a few operators have one kernel only, which is not among the reference ones
        interpreter = Interpreter(model_content=content, experimental_preserve_all_tensors=True,
                                  experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
    interpreter.allocate_tensors()
    for row, array in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(row["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(row["index"]) for row in interpreter.get_output_details()], interpreter


def model(ops, inputs, consts, outputs, types=None, quantized=None, variables=(), shapes=None):
    """The bytes of a file with these operators, and what the reference kernels compute."""
    shapes = dict(shapes or {})
    for _ in range(2):  # the second file has the shapes that the first one's run found
        builder = ModelBuilder()
        builder.subgraph(ops, inputs, consts, outputs, types, shapes, quantized, variables)
        content = builder.bytes()
        got, interpreter = run(content, inputs.values())
        for row in interpreter.get_tensor_details():
            if row["name"] not in consts and row["name"] not in inputs and row["name"] not in variables:
                shapes[row["name"]] = [int(n) for n in row["shape"]]
    return content, got


def case(name, ops, inputs, consts=None, outputs=("y",), types=None, quantized=None, variables=(), shapes=None, folder="tflite_ops", results=None):
    """Writes NAME.tflite and NAME.npz with in_0, ... and the outputs out_0, ... of the reference kernels, or `results`."""
    if ONLY and ONLY not in name:
        return
    assert name not in seen, name
    seen.add(name)
    inputs = {k: np.asarray(v) for k, v in inputs.items()}
    consts = {k: v if isinstance(v, Sparse) else np.asarray(v) for k, v in (consts or {}).items()}
    content, got = model(ops, inputs, consts, outputs, types, quantized, variables, shapes)
    out = HERE / folder
    out.mkdir(exist_ok=True)
    (out / f"{name}.tflite").write_bytes(content)
    arrays = {f"in_{n}": v for n, v in enumerate(inputs.values())} | {f"out_{n}": v for n, v in enumerate(results or got)}
    np.savez(out / f"{name}.npz", **arrays)
