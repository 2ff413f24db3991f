"""The inner loops of an object file."""
import re
import subprocess
from dataclasses import dataclass

MULTIPLY = re.compile(r"v?(fmla|mla\.f32|fma\.f32|smull2?|smlal2?|sdot|mull\.s8|mlal\.s(8|16))\b")
# Adds products of int8 to sums.
ADDITION = re.compile(r"v?(sadalp|saddw2?|padal\.s16|addw\.s16)\b")
BRANCH = re.compile(r"(b\.?(eq|ne|cs|hs|cc|lo|mi|pl|hi|ls|ge|lt|gt|le)?(\.[nw])?|cbn?z|tbn?z)$")


@dataclass
class Loop:
    instructions: list  # as the assembler reads them; the last one branches to .Lloop

    def text(self):
        return ".Lloop:\n" + "\n".join("\t" + instruction for instruction in self.instructions) + "\n"

    @property
    def multiplies(self):
        return sum(bool(MULTIPLY.match(instruction)) for instruction in self.instructions)

    @property
    def multiply_adds(self):
        """Of int8: 16 of a dot product, 8 of a product of 16 bits, 4 of one of 32 bits."""
        def of(operation, operands):
            if "dot" in operation:
                return 16
            return 8 if ".8h" in operands.partition(",")[0] or operation.endswith(".s8") else 4
        return sum(of(*instruction.split(" ", 1)) for instruction in self.instructions if MULTIPLY.match(instruction))

    @property
    def additions(self):
        return sum(bool(ADDITION.match(instruction)) for instruction in self.instructions)

    @property
    def spills(self):
        return sum(bool(re.search(r"\[sp\b", instruction)) for instruction in self.instructions)


def functions(objdump, path):
    """{name: [(address, instruction, target of a branch or None)]} of every function, names demangled."""
    listing = subprocess.run([objdump, "--disassemble", "--demangle", "--no-show-raw-insn", path], check=True,
                             capture_output=True, text=True).stdout
    found, body = {}, []
    for line in listing.splitlines():
        if header := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            if not header[1].startswith("$"):  # $x and its like mark code and data within a function
                body = found.setdefault(header[1], [])
        elif row := re.match(r"\s*([0-9a-f]+):\s+(\S+)\s*(.*)", line):
            operation, operands = row[2], re.sub(r"\s*(//|;|@).*", "", row[3])
            target = re.search(r"\b([0-9a-f]+) <", operands) if BRANCH.match(operation) else None
            body.append((int(row[1], 16), f"{operation} {operands}".strip(), int(target[1], 16) if target else None))
    return found


def hottest_loop(body):
    """The densest in multiplies of the loops without a loop in them, None if there is none. Those with less than two
    thirds of what another has are remainders."""
    ranges = [(target, address) for address, _, target in body if target is not None and target <= address]
    found = []
    for begin, end in ranges:
        if any(begin <= b and e <= end and (b, e) != (begin, end) for b, e in ranges):
            continue
        # Branches out of the way of what is left out at an image's border are not taken within it.
        found.append(Loop([re.sub(r"[0-9a-f]+ <.*", ".Lloop", text) if target is not None else
                           re.sub(r"\s*<.*>", "", text) for address, text, target in body if begin <= address <= end]))
    most = max((loop.multiplies for loop in found), default=0)
    whole = [loop for loop in found if 3 * loop.multiplies >= 2 * most > 0]
    return max(whole, key=lambda loop: loop.multiplies / len(loop.instructions), default=None)
