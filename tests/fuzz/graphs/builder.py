"""A graph under construction: tensors with known shapes and bounds, from which operators choose their inputs."""
import math
import random

import numpy as np
from onnx import TensorProto, helper, numpy_helper

FLOAT, DOUBLE, HALF = np.dtype(np.float32), np.dtype(np.float64), np.dtype(np.float16)
INT64, INT32, INT8, UINT8, BOOL = (np.dtype(t) for t in (np.int64, np.int32, np.int8, np.uint8, np.bool_))

SIZES = [1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 8, 9, 13]
CHANNELS = [1, 1, 2, 3, 4, 5, 6, 8, 8, 12, 16, 17, 24, 33]


def names_read(nodes):
    """What nodes and the branches in them read."""
    names = set()
    for node in nodes:
        names.update(node.input)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                names |= names_read(attribute.g.node)
    return names - {""}


class Unfit(Exception):
    """What was drawn makes no valid node; the builder draws again."""


class Tensor:
    """`low` and `high` bound the elements. A tensor of a constant subgraph does not depend on the graph's inputs."""

    def __init__(self, name, shape, dtype, low, high, constant=False):
        self.name, self.shape, self.dtype = name, tuple(int(s) for s in shape), np.dtype(dtype)
        self.low, self.high, self.constant = float(low), float(high), constant

    @property
    def rank(self):
        return len(self.shape)

    @property
    def size(self):
        return math.prod(self.shape)

    @property
    def largest(self):
        return max(abs(self.low), abs(self.high))


class Builder:
    def __init__(self, seed, opset):
        self.random, self.opset = random.Random(seed), opset
        self.numbers = np.random.default_rng(self.random.getrandbits(64))
        self.nodes, self.initializers, self.inputs, self.tensors, self.held = [], [], {}, [], []
        self.names, self.numbered = 0, self.random.random() < 0.1
        self.spatial, self.largest_tensor = (9, 9), 12000

    # ---- chance ----
    def chance(self, probability):
        return self.random.random() < probability

    def choice(self, options):
        return self.random.choice(options)

    def between(self, low, high):
        return self.random.randint(low, high)

    def axis(self, rank):
        """An axis, and how it is written: counted from the end in places where that is allowed."""
        axis = self.between(0, rank - 1)
        return axis, self.written(axis, rank)

    def written(self, axis, rank):
        return axis - rank if self.opset >= 11 and self.chance(0.3) else axis

    def axes(self, rank, least=1):
        return sorted(self.random.sample(range(rank), self.between(least, rank)))

    def name(self, prefix="t"):
        self.names += 1
        return str(self.names) if self.numbered else f"{prefix}{self.names}"

    # ---- constants ----
    def array(self, shape, low=-1.0, high=1.0, dtype=FLOAT):
        if np.dtype(dtype) == BOOL:
            return self.numbers.integers(0, 2, shape).astype(bool)
        if np.dtype(dtype).kind in "iu":
            return self.numbers.integers(int(low), int(high) + 1, shape).astype(dtype)
        return np.asarray(self.numbers.uniform(low, high, shape)).astype(dtype)

    def constant(self, array, plain=False):
        """A tensor with these elements, in one of the ways in which a model can hold them."""
        array = np.asarray(array)
        name = self.name("c")
        way = 0 if plain else self.random.random()
        if way < 0.75:
            self.initializers.append(numpy_helper.from_array(array, name))
        elif way < 0.8 and array.dtype == FLOAT and self.opset >= 13:
            wide = self.name("c")
            self.initializers.append(numpy_helper.from_array(array.astype(np.float64), wide))
            self.nodes.append(helper.make_node("Cast", [wide], [name], to=TensorProto.FLOAT))
        elif way < 0.85 and array.ndim == 1 and array.size and self.opset >= 12 and array.dtype in (FLOAT, INT64):
            key = "value_floats" if array.dtype == FLOAT else "value_ints"
            self.nodes.append(helper.make_node("Constant", [], [name], **{key: array.tolist()}))
        elif way < 0.87 and array.ndim == 0 and self.opset >= 12 and array.dtype in (FLOAT, INT64):
            key = "value_float" if array.dtype == FLOAT else "value_int"
            self.nodes.append(helper.make_node("Constant", [], [name], **{key: array.item()}))
        elif way < 0.9 and array.ndim:
            other = self.name("c")
            self.initializers.append(numpy_helper.from_array(array, other))
            self.nodes.append(helper.make_node("Identity", [other], [name]))
        else:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
        bounds = (array.min(), array.max()) if array.size else (0, 0)
        return Tensor(name, array.shape, array.dtype, *bounds, constant=True)

    def parameter(self, shape, low=-1.0, high=1.0):
        """Random weights, sometimes ones that another node has as well."""
        if self.chance(0.1):
            fitting = [t for t in self.held if t.shape == tuple(shape) and low <= t.low and t.high <= high]
            if fitting:
                return self.choice(fitting)
        tensor = self.constant(self.array(shape, low, high))
        self.held.append(tensor)
        return tensor

    def integers(self, values):
        """A vector of int64 as an operator's argument."""
        return self.constant(np.array(list(values), np.int64))

    # ---- nodes ----
    def node(self, op, inputs, shape, low, high, dtype=None, keep=True, **attributes):
        return self.node_of(op, inputs, [(shape, low, high, dtype)], keep, **attributes)[0]

    def node_of(self, op, inputs, outputs, keep=True, **attributes):
        """Adds a node with outputs (shape, low, high, dtype), None for one that is left out."""
        given = [t for t in inputs if t is not None]
        constant = all(t.constant for t in given)
        results = []
        for output in outputs:
            if output is None:
                results.append(None)
                continue
            shape, low, high, dtype = output
            if math.prod(shape) > self.largest_tensor or len(shape) > 6:
                raise Unfit
            results.append(Tensor(self.name(), shape, dtype if dtype is not None else given[0].dtype, low, high, constant))
        names = [t.name if t is not None else "" for t in inputs]
        while names and names[-1] == "":
            names.pop()
        self.nodes.append(helper.make_node(op, names, [t.name if t is not None else "" for t in results],
                                           name=f"{op.lower()}_{len(self.nodes)}", **attributes))
        if keep:
            self.tensors += [t for t in results if t is not None and not t.constant]
        return results

    # ---- inputs of nodes ----
    def new_input(self, shape, low=-2.0, high=2.0, dtype=FLOAT):
        if math.prod(shape) > self.largest_tensor:
            raise Unfit
        name = self.name("x")
        self.inputs[name] = self.array(shape, low, high, dtype)
        tensor = Tensor(name, shape, dtype, low, high)
        self.tensors.append(tensor)
        return tensor

    def shape(self, rank):
        while True:
            shape = tuple(self.choice(SIZES) for _ in range(rank))
            if math.prod(shape) <= 3000:
                return shape

    def image_shape(self, spatial=2):
        batch = self.choice([1, 1, 1, 1, 2, 3])
        sizes = self.spatial if self.chance(0.7) else tuple(self.between(1, 14) for _ in range(2))
        return (batch, self.choice(CHANNELS), *sizes[:spatial])

    def fresh(self, rank, dtype=FLOAT):
        if np.dtype(dtype).kind in "iub":
            bounds = (0, 1) if dtype == BOOL else (0, 100) if dtype == UINT8 else (-100, 100)
            return self.new_input(self.shape(rank), *bounds, dtype)
        shape = self.image_shape(rank - 2) if rank in (3, 4) and self.chance(0.7) else self.shape(rank)
        return self.new_input(shape, *((0.25, 2.0) if self.chance(0.1) else (-2.0, 2.0)), dtype)

    def fits(self, tensor, ranks, dtypes, test):
        return tensor.rank in ranks and tensor.dtype in dtypes and tensor.size > 0 and (test is None or test(tensor))

    def pick(self, ranks=range(1, 6), dtypes=(FLOAT,), test=None):
        """A tensor for a node to read: mostly one that is there, preferably a recent one."""
        found = [t for t in self.tensors if self.fits(t, ranks, dtypes, test)]
        if found and self.chance(0.9):
            return found[-1 - min(int(self.random.expovariate(0.7)), len(found) - 1)]
        if self.tensors and self.chance(0.5):
            source = self.tensors[-1]
            if source.dtype in dtypes and source.size:
                made = self.reshaped(source, self.choice(list(ranks)))
                if made is not None and self.fits(made, ranks, dtypes, test):
                    return made
        for _ in range(10):
            tensor = self.fresh(self.choice(list(ranks)), self.choice(list(dtypes)))
            if self.fits(tensor, ranks, dtypes, test):
                return tensor
        raise Unfit

    def reshaped(self, x, rank):
        """`x` as another rank, by one of the operators that do so."""
        if rank == x.rank:
            return x
        if rank == 0:
            return None
        shape = list(x.shape)
        while len(shape) > rank:
            i = self.between(0, len(shape) - 2)
            shape[i:i + 2] = [shape[i] * shape[i + 1]]
        while len(shape) < rank:
            i = self.between(0, len(shape))
            shape.insert(i, 1)
        return self.node("Reshape", [x, self.integers(shape)], shape, x.low, x.high)

    def pick_image(self, spatial=None, test=None):
        ranks = (3, 4) if spatial is None else (spatial + 2,)
        return self.tame(self.pick([4] if spatial is None and self.chance(0.8) else ranks, test=test))

    def tame(self, x, largest=16.0):
        """`x` with elements that further arithmetic leaves far from overflow and cancellation."""
        if x.largest <= largest:
            return x
        if self.chance(0.5):
            factor = self.constant(np.float32(4.0 / x.largest))
            return self.node("Mul", [x, factor], x.shape, *sorted((x.low * 4 / x.largest, x.high * 4 / x.largest)))
        return self.node("Tanh", [x], x.shape, -1, 1)

    def positive(self, x, least=0.2):
        """A tensor of x's shape whose elements are at least `least`."""
        if x.low >= least:
            return x
        x = self.tame(x)
        kind = self.choice(["Sigmoid", "Abs", "Exp", "Square"])
        if kind == "Sigmoid":
            y = self.node("Sigmoid", [x], x.shape, 0, 1)
        elif kind == "Square":
            y = self.node("Mul", [x, x], x.shape, 0, x.largest**2)
        elif kind == "Exp" and x.high < 4:
            y = self.node("Exp", [x], x.shape, math.exp(x.low), math.exp(x.high))
        else:
            y = self.node("Abs", [x], x.shape, 0, x.largest)
        return self.node("Add", [y, self.constant(np.float32(0.5))], x.shape, y.low + 0.5, y.high + 0.5)

    # ---- the model ----
    def finished(self, outputs, prefix=""):
        """The model with these output tensors, which may be inputs, inner tensors and the same one twice."""
        read = names_read(self.nodes) | {t.name for t in outputs}
        inputs = {name: array for name, array in self.inputs.items() if name in read}
        graph = helper.make_graph(
            self.nodes, "random",
            [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs.items()],
            [helper.make_tensor_value_info(t.name, helper.np_dtype_to_tensor_dtype(t.dtype), None) for t in outputs],
            [t for t in self.initializers if t.name in read])
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8), inputs
