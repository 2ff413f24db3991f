"""Sparse tensors in TensorFlow Lite's files: weights of which most are zeros are kept as compressed rows, which a DENSIFY operator
before their layer fills up. XNNPACK's delegate does that once, before the first run, and takes such operators for a wish for sparse
inference. It grants the wish to networks of 1x1 convolutions, depthwise ones and sums behind a 3x3 convolution of an image, where two
thirds of the weights are zeros; but on x86 only to processors without AVX, as its sparse kernels there are made for SSE."""
import flatbuffers
import numpy as np

from ai_edge_litert import schema_py_generated as schema

FEWEST_ZEROS = 0.5
LAYERS = (schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.FULLY_CONNECTED)


def compressed(values):
    """The parameters and the values of an array whose last dimension is sparse."""
    rows = values.reshape(-1, values.shape[-1])
    kept = rows != 0
    dimensions = []
    for size in values.shape[:-1]:
        dimensions.append(schema.DimensionMetadataT(format=schema.DimensionType.DENSE, denseSize=size))
    segments, indices = schema.Int32VectorT(), schema.Int32VectorT()
    segments.values = np.concatenate([[0], np.cumsum(kept.sum(1))]).astype(np.int32)
    indices.values = np.nonzero(kept)[1].astype(np.int32)
    kind = schema.SparseIndexVector.Int32Vector
    dimensions.append(schema.DimensionMetadataT(schema.DimensionType.SPARSE_CSR, 0, kind, segments, kind, indices))
    order = list(range(values.ndim))
    return schema.SparsityParametersT(traversalOrder=order, blockMap=[], dimMetadata=dimensions), rows[kept]


def make_sparse(model, graph, index, code):
    """Makes constant `index` of the graph, whose buffer is its own, sparse; returns the operator that fills it up, whose output is a
    new tensor."""
    tensor = graph.tensors[index]
    values = np.frombuffer(np.asarray(model.buffers[tensor.buffer].data, np.uint8).tobytes(), np.float32).reshape(tensor.shape)
    dense = schema.TensorT(shape=tensor.shape, type=tensor.type, buffer=0, name=tensor.name + b"_dense")
    tensor.sparsity, kept = compressed(values)
    model.buffers[tensor.buffer].data = np.frombuffer(kept.tobytes(), np.uint8)
    graph.tensors.append(dense)
    return schema.OperatorT(opcodeIndex=code, inputs=[index], outputs=[len(graph.tensors) - 1],
                            builtinOptionsType=schema.BuiltinOptions.DensifyOptions, builtinOptions=schema.DensifyOptionsT())


def mostly_zeros(model, tensor):
    data = model.buffers[tensor.buffer].data
    if tensor.type != schema.TensorType.FLOAT32 or data is None or len(data) == 0:
        return False
    return np.mean(np.frombuffer(np.asarray(data, np.uint8).tobytes(), np.float32) == 0) >= FEWEST_ZEROS


def sparsify(source, target):
    model = schema.ModelT.InitFromPackedBuf(bytearray(source.read_bytes()), 0)
    kinds = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    model.operatorCodes.append(schema.OperatorCodeT(deprecatedBuiltinCode=schema.BuiltinOperator.DENSIFY,
                                                    builtinCode=schema.BuiltinOperator.DENSIFY, version=1))
    for graph in model.subgraphs:
        operators, dense = [], {}
        for operator in graph.operators:
            weights = operator.inputs[1] if kinds[operator.opcodeIndex] in LAYERS else None
            if weights is not None and weights not in dense and mostly_zeros(model, graph.tensors[weights]):
                operators.append(make_sparse(model, graph, weights, len(model.operatorCodes) - 1))
                dense[weights] = operators[-1].outputs[0]
            if weights in dense:
                operator.inputs[1] = dense[weights]
            operators.append(operator)
        graph.operators = operators
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b"TFL3")
    target.write_bytes(builder.Output())
