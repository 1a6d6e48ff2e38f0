#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the fettle command as people and scripts do: what it prints, its exit codes, and every kind of bad input.

    cli_test.py FETTLE SOURCE_FOLDER [--emulator PROGRAM] [unittest arguments, such as Outputs.test_a_full_disk_is_told]
"""

import shlex
import sys
import unittest

sys.dont_write_bytecode = True  # the source tree stays as it is

import command  # noqa: E402
from test_commands import Commands  # noqa: E402, F401
from test_inputs import Inputs  # noqa: E402
from test_outputs import Outputs  # noqa: E402
from test_usage import Usage  # noqa: E402

if __name__ == "__main__":
    command.COMMAND = [sys.argv[1]]
    command.SOURCE = sys.argv[2]
    rest = sys.argv[3:]
    if rest[:1] == ["--emulator"]:
        command.COMMAND = shlex.split(rest[1]) + command.COMMAND
        command.EMULATED = True
        # What the command does with files and with bad input, it does alike on every processor.
        del Inputs, Outputs, Usage
        rest = rest[2:]
    unittest.main(argv=[sys.argv[0]] + rest)
