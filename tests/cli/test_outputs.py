# SPDX-License-Identifier: Apache-2.0
"""Files that commands write: what is replaced, what is left alone, and what an interrupted command leaves."""

import json
import os
import signal
import stat
import struct
import subprocess
import time

import command
from command import FILE, OK, USAGE, Command, npy, npy_bytes, read, two_outputs, weights_in


class Outputs(Command):
    def test_no_output_replaces_what_is_read_or_another_output(self):
        model, data = self.write("precious.onnx", read(self.glyphs)), read(self.glyphs)
        array = self.write("precious.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        link = self.path("link.plan")
        os.symlink(model, link)
        for output in (model, os.path.join(self.folder.name, ".", "precious.onnx"), link):
            self.bad(USAGE, output, "tune", model, "--output", output, "--budget", "1s")
        self.bad(USAGE, model, "bench", model, "--iterations", "1", "--trace", model)
        for output in (model, array):
            self.bad(USAGE, output, "run", model, "--input", array, "--output", output)
        twice = self.path("twice")
        self.bad(USAGE, twice, "tune", model, "--output", twice, "--records", twice, "--budget", "1s")
        self.bad(USAGE, twice, "tune", model, "--output", twice, "--report", twice, "--budget", "1s")
        self.assertFalse(os.path.exists(twice))
        self.assertEqual(read(model), data)
        self.assertEqual(len(npy(array)), len(self.input))

    def test_a_full_disk_is_told(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full")
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(command.COMMAND + ["inspect", self.glyphs], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        self.assertEqual(done.returncode, FILE)
        self.assertIn("stdout", done.stderr)

    def test_outputs_that_cannot_be_written_are_found_before_the_work(self):
        start = time.monotonic()
        self.bad(FILE, "/nowhere/a.plan", "tune", self.glyphs, "--output", "/nowhere/a.plan", "--budget", "60s")
        self.bad(FILE, "/nowhere/a.html", "tune", self.glyphs, "--output", self.path("y.plan"), "--report",
                 "/nowhere/a.html", "--budget", "60s")
        self.bad(FILE, "/nowhere/a.json", "bench", self.glyphs, "--trace", "/nowhere/a.json")
        self.bad(FILE, "/nowhere/a.npy", "run", self.glyphs, "--input", self.glyphs, "--output", "/nowhere/a.npy")
        self.bad(USAGE, "name", "tune", self.glyphs, "--output", "", "--budget", "60s", hint=False)
        self.bad(FILE, "a folder", "tune", self.glyphs, "--output", self.folder.name, "--budget", "60s")
        fifo = self.fifo("out.fifo")
        for option in ("--records", "--report"):
            self.bad(FILE, "a FIFO", "tune", self.glyphs, "--output", self.path("y.plan"), option, fifo, "--budget", "60s")
        self.bad(FILE, "a FIFO", "bench", self.glyphs, "--trace", fifo)
        self.bad(FILE, "a FIFO", "run", self.glyphs, "--input", self.glyphs, "--output", fifo)
        self.assertTrue(stat.S_ISFIFO(os.stat(fifo).st_mode))
        self.assertLess(time.monotonic() - start, 60)

    def test_every_option_that_names_a_file_wants_a_name(self):
        tune = ["tune", self.glyphs, "--output", self.path("y.plan"), "--budget", "1s"]
        run = ["run", self.glyphs, "--input", self.glyphs]
        for command, option in ((tune, "--records"), (tune, "--report"), (tune, "--start"), (run, "--output"),
                                (run, "--labels"), (run, "--plan"), (["bench", self.glyphs], "--trace"),
                                (["verify", self.glyphs], "--reference"),
                                (["explain", self.glyphs, "--plan", self.plan], "--records")):
            self.bad(USAGE, option, *command, option, "", hint=False)
        self.bad(USAGE, "name", "inspect", "", hint=False)
        self.bad(USAGE, "name", "plan", "show", "", hint=False)

    def test_device_nodes_and_links_are_not_replaced(self):
        node = self.path("node")
        try:
            os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            self.skipTest("no permission to make device nodes")
        array = self.write("dev.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        try:
            with open(node, "wb"):
                code = OK
        except OSError:
            code = FILE  # devices do not work in the temporary folder
        for command in (["tune", self.glyphs, "--budget", "1s", "--output", node],
                        ["run", self.glyphs, "--input", array, "--output", node],
                        ["bench", self.glyphs, "--iterations", "1", "--trace", node]):
            self.good(*command, code=code)
            info = os.lstat(node)
            self.assertTrue(stat.S_ISCHR(info.st_mode))
            self.assertEqual(info.st_rdev, os.makedev(1, 3))
        target, link = self.write("linked.json", "old"), self.path("link.json")
        os.symlink("linked.json", link)
        self.good("bench", self.glyphs, "--iterations", "1", "--trace", link)
        self.assertTrue(os.path.islink(link))
        json.loads(read(target))

    def test_no_file_beside_an_output_is_touched(self):
        victim = self.write("victim", "precious")
        trace, array = self.path("t.json"), self.write("in.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        os.symlink(victim, trace + ".part")
        self.good("bench", self.glyphs, "--iterations", "1", "--trace", trace)
        self.assertEqual(read(victim), b"precious")
        self.assertTrue(os.path.islink(trace + ".part"))
        part = self.write("out.npy.part", read(array))
        os.rename(part, self.path("out.part"))
        raw = self.write("x.npy.part", self.input)
        self.good("run", self.glyphs, "--input", raw, "--output", self.path("x.npy"))
        self.assertEqual(read(raw), self.input)

    def test_each_of_several_outputs_is_checked_before_the_work(self):
        model, values = self.write("two.onnx", two_outputs()), struct.pack("<2f", 1.0, -2.0)
        out, array = self.path("two.npy"), self.write("two.npy.1", npy_bytes("<f4", [2], values))
        raw = self.write("two.raw", values)
        self.bad(USAGE, "two.npy.1", "run", model, "--input", array, "--output", out)
        self.assertEqual(npy(array), values)
        self.assertFalse(os.path.exists(out + ".0"))
        os.remove(array)
        os.mkdir(array)
        self.bad(FILE, "two.npy.1", "run", model, "--input", raw, "--output", out)
        self.assertFalse(os.path.exists(out + ".0"))
        os.rmdir(array)
        self.good("run", model, "--input", raw, "--output", out)
        self.assertEqual(struct.unpack("<2f", npy(out + ".0")), (1.0, 0.0))
        self.assertEqual(struct.unpack("<2f", npy(out + ".1")), (1.0, 2.0))

    def test_an_output_is_not_where_stdout_goes(self):
        name = self.path("both.json")
        with open(name, "w", encoding="ascii") as both:
            done = subprocess.run(command.COMMAND + ["bench", self.glyphs, "--iterations", "1", "--trace", name],
                                  stdout=both, stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("stdout", done.stderr)

    def test_nothing_waits_for_a_fifo(self):
        fifo, array = self.fifo("in.fifo"), self.write("f.npy", npy_bytes("<f4", [1, 3, 32, 32], self.input))
        for name in (".png", ".npy", ".raw"):
            os.symlink(fifo, self.path("fifo" + name))
            self.bad(FILE, "a FIFO", "run", self.glyphs, "--input", self.path("fifo" + name))
        self.bad(FILE, "a FIFO", "inspect", fifo)
        self.bad(FILE, "a FIFO", "run", self.glyphs, "--input", array, "--labels", fifo)
        self.bad(FILE, "a FIFO", "bench", self.glyphs, "--plan", fifo)
        self.bad(FILE, "a FIFO", "plan", "show", fifo)
        self.bad(FILE, "a FIFO", "verify", self.glyphs, "--reference", fifo)
        self.bad(FILE, "a FIFO", "explain", self.glyphs, "--plan", self.plan, "--records", fifo)
        self.bad(FILE, "a FIFO", "tune", self.glyphs, "--output", self.path("f.plan"), "--start", fifo)
        weights = self.write("weights.onnx", weights_in("in.fifo"))
        self.bad(FILE, "a FIFO", "inspect", weights)

    @classmethod
    def fifo(cls, name):
        os.mkfifo(cls.path(name))
        return cls.path(name)

    @staticmethod
    def wait_for_handler(pid, number):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with open(f"/proc/{pid}/status", encoding="ascii") as status:
                caught = next(int(line.split()[1], 16) for line in status if line.startswith("SigCgt:"))
            if caught >> (number - 1) & 1:
                return
            time.sleep(0.01)
        raise AssertionError(f"process {pid} never caught signal {number}")

    def test_interrupted_tuning_keeps_what_was_learnt(self):
        plan, records = self.path("stopped.plan"), self.path("stopped.jsonl")
        self.write("stopped.plan", b"what was there before")
        with subprocess.Popen(command.COMMAND + ["tune", self.glyphs, "--output", plan, "--records", records,
                                                 "--budget", "600s", "--threads", "2", "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            self.wait_for_handler(child.pid, signal.SIGINT)
            child.send_signal(signal.SIGINT)
            output, errors = child.communicate(timeout=120)
        self.assertEqual(child.returncode, OK, errors)
        self.assertTrue(json.loads(output)["stopped"])
        self.good("plan", "check", self.glyphs, "--plan", plan)
        for line in read(records).decode().splitlines():
            json.loads(line)
