// SPDX-License-Identifier: Apache-2.0
//
// The `fettle` command. Results go to stdout, progress and complaints to stderr.
#include "tuner/cli/command.h"

#include <algorithm>
#include <cstdio>
#include <exception>

namespace {

int run(int argc, char** argv) {
  CLI::App app("Fettle: run ONNX networks on CPUs, and tune them on the device they run on.", "fettle");
  app.set_version_flag("--version", std::string("fettle ") + FETTLE_VERSION);
  app.require_subcommand(1);
  int exit_code = fettle::cli::kSuccess;
  fettle::cli::add_inspect(app, exit_code);
  fettle::cli::add_tune(app, exit_code);
  fettle::cli::add_quantize(app, exit_code);
  fettle::cli::add_run(app, exit_code);
  fettle::cli::add_bench(app, exit_code);
  fettle::cli::add_verify(app, exit_code);
  fettle::cli::add_explain(app, exit_code);
  fettle::cli::add_variants(app, exit_code);
  fettle::cli::add_plan(app, exit_code);
  fettle::cli::add_kernels(app, exit_code);
  // Named before the parser sees it, which would only say that a command is missing.
  const std::vector<CLI::App*> commands = app.get_subcommands({});
  const auto named = [&](const CLI::App* command) { return command->get_name() == argv[1]; };
  if (argc > 1 && argv[1][0] != '-' && std::none_of(commands.begin(), commands.end(), named)) {
    std::fprintf(stderr, "fettle: there is no command %s\n  hint: `fettle --help` lists them\n", argv[1]);
    return fettle::cli::kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? fettle::cli::kSuccess : fettle::cli::kUsage;
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("fettle: stdout cannot be written\n  hint: is the disk full?\n", stderr);
    return fettle::cli::kFile;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fettle: %s\n", error.what());
    return fettle::cli::kInternal;
  }
}
