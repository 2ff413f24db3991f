"""Executed instructions of a layer under qemu-user, which logs every block of instructions that it translates and runs."""
import subprocess


def layers(emulator, program, element):
    """[(name, multiply-accumulates)]"""
    lines = subprocess.run([*emulator, program, element], check=True, capture_output=True, text=True).stdout.split("\n")
    return [(name, int(macs)) for name, macs in (line.split() for line in lines if line)]


def executed(command):
    """The command's log has "IN:" and the instructions of a block, one a line, then "Trace" and the address of its translation
    whenever the block runs. The same place may be translated again, to another length."""
    count, sizes, new = 0, {}, {}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("Trace"):
                translation, begin = line.split()[2], int(line.split("/")[1], 16)
                if begin in new:
                    sizes[translation] = new.pop(begin)
                count += sizes[translation]
            elif line.startswith("IN:"):
                begin = None
            elif line.startswith("0x"):
                address = int(line[:line.index(":")], 16)
                if begin is None:
                    begin = address
                    new[begin] = 0
                new[begin] += 1
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed")
    return count


def instructions(emulator, program, element, layer, kernels):
    """Of one run of the layer, after its outputs were checked."""
    def command(count):
        return [program, element, layer, count, kernels]
    subprocess.run([*emulator, *command("0")], check=True)
    traced = [emulator[0], "-d", "nochain,exec,in_asm", *emulator[1:]]
    return executed([*traced, *command("2")]) - executed([*traced, *command("1")])


def network_instructions(emulator, program, model, isa, sample):
    """Of one run of a network; reading the sample and storing its outputs are counted with it."""
    def of_samples(count):
        return executed([emulator[0], "-d", "nochain,exec,in_asm", *emulator[1:], program, "run", model, "--isa", isa,
                         *["--input", sample] * count])
    return (of_samples(5) - of_samples(2)) // 3  # the first sample finds less memory in place than the others
