"""A contestant's process, seen from the comparison: started, asked, paused and ended. contestants/worker.py describes the
protocol."""
import json
import os
import pathlib
import select
import signal
import subprocess
import time

START_SECONDS = 300
ANSWER_SECONDS = 120


class ContestantError(Exception):
    """A contestant cannot do its part: the reason, in one line."""


class UnableError(ContestantError):
    """Not with any such network."""


class ContestantProcess:
    """Lives on `cores` alone and is stopped (SIGSTOP) except while it answers, so that no thread of it spins beside others."""

    def __init__(self, command, environment, cores, log, working_folder):
        self._buffer = b""
        self._log_path = pathlib.Path(log)
        with open(log, "wb") as errors:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0,
                                             env=environment, cwd=working_folder,
                                             preexec_fn=lambda: os.sched_setaffinity(0, cores))
        try:
            self.facts = self._answer(START_SECONDS)
        except ContestantError:
            self.close()
            raise
        self._ready_at = time.monotonic()
        self._process.send_signal(signal.SIGSTOP)

    def ask(self, command):
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.stdin.write(command.encode() + b"\n")
            return self._answer(ANSWER_SECONDS)
        except BrokenPipeError:
            raise ContestantError(self._last_words()) from None
        finally:
            self._process.send_signal(signal.SIGSTOP)

    def used_avx512(self):
        """Whether the kernel has seen AVX-512 registers in use in any thread since the model was loaded; None where it does
        not tell (Documentation/x86/proc.rst: AVX512_elapsed_ms)."""
        since = (time.monotonic() - self._ready_at) * 1e3
        try:
            for task in pathlib.Path(f"/proc/{self._process.pid}/task").iterdir():
                elapsed = int((task / "arch_status").read_text().split()[-1])
                if 0 <= elapsed < since:
                    return True
        except (OSError, ValueError, IndexError):
            return None
        return False

    def close(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()

    def _answer(self, seconds):
        deadline = time.monotonic() + seconds
        while True:
            line = self._line(deadline)
            if line.startswith(b"{"):
                break
        reply = json.loads(line)
        if "error" in reply:
            raise ContestantError(reply["error"])
        return reply

    def _line(self, deadline):
        output = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            if not select.select([output], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise ContestantError("no answer in time")
            data = os.read(output, 1 << 20)
            if not data:
                raise ContestantError(self._last_words())
            self._buffer += data
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def _last_words(self):
        code = self._process.wait()
        lines = self._log_path.read_text(errors="replace").strip().splitlines()
        ending = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return f"ended with {ending}" + (f": {lines[-1].strip()}" if lines else "")
