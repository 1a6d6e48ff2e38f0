// SPDX-License-Identifier: Apache-2.0
//
// The smallest application: loads a network, runs it once on zeros, and prints the largest output.
//
//   fettle_example_minimal MODEL [PLAN]
#include <fettle/fettle.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s MODEL [PLAN]\n", argv[0]);
    return 2;
  }
  auto runtime = fettle::Runtime::load(argv[1], argc > 2 ? argv[2] : "");
  if (!runtime) {
    std::fprintf(stderr, "%s\n", runtime.error().message().c_str());
    return 1;
  }
  const auto input = runtime->input(0).bytes();
  std::memset(input.data(), 0, input.size());
  if (auto status = runtime->run(); !status) {
    std::fprintf(stderr, "%s\n", status.error().message().c_str());
    return 1;
  }
  const auto scores = runtime->output(0).values<float>();
  const auto best = std::max_element(scores.begin(), scores.end());
  std::printf("%zu outputs, the largest is number %td\n", scores.size(), best - scores.begin());
  return 0;
}
