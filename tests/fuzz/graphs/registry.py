"""The operators that a generator knows: each is a function that adds one node, or a few, to a builder."""

OPERATORS = []


class Row:
    def __init__(self, names, make, since, until, weight):
        self.names, self.make, self.since, self.until, self.weight = names, make, since, until, weight


def operator(*names, since=7, until=99, weight=1.0):
    """Registers a function for these ONNX operators, in models of opsets since .. until; the weight is its chance."""
    def register(make):
        OPERATORS.append(Row(names, make, since, until, weight))
        return make
    return register
