"""Which zeros networks are pruned to; needs no package, as arguments.py."""
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Zeros:
    percent: int  # of a layer's weights
    block: int  # consecutive outputs whose weights of an input are zeros together

    def __str__(self):
        return f"{self.percent}% zeros" + (f" in blocks of {self.block}x1" if self.block > 1 else "")

    def name(self, network):
        """Of the pruned network."""
        return f"{network}_zeros{self.percent}" + (f"_{self.block}x1" if self.block > 1 else "")


def parse_zeros(text):
    match = re.fullmatch(r"(\d+)%(?:,block=(4|16)x1)?", text)
    if not match or not 0 < int(match[1]) < 100:
        raise ValueError
    return Zeros(int(match[1]), int(match[2] or 1))
