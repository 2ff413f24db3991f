"""Shapes that broadcast."""
import numpy as np


def other_shape(g, shape):
    """A shape that broadcasts with `shape`, and sometimes needs the other to be repeated as well."""
    way = g.random.random()
    if way < 0.25:
        return tuple(shape)
    result = [s if g.chance(0.5) else 1 for s in shape]
    if way < 0.45 and len(shape) >= 2:
        result = [1] * len(shape)
        result[1] = shape[1]
    while result and g.chance(0.3):
        result.pop(0)
    if not result:
        return ()
    if g.chance(0.15):
        result = [s if s > 1 or g.chance(0.5) else g.choice([2, 3, 5]) if i + len(shape) - len(result) >= 0 and
                  shape[i + len(shape) - len(result)] == 1 else s for i, s in enumerate(result)]
    if g.chance(0.08) and len(result) == len(shape) < 5:
        result.insert(0, g.choice([1, 2]))
    return tuple(result)


def broadcastable(a, b):
    return all(x == y or 1 in (x, y) for x, y in zip(reversed(a), reversed(b)))


def broadcast(*tensors):
    return np.broadcast_shapes(*(t.shape for t in tensors))
