// SPDX-License-Identifier: Apache-2.0
//
// Names what a picture shows.
//
//   fettle_example_classify MODEL PICTURE [LABELS [PLAN]]
//
// PICTURE is a JPEG or PNG of exactly the network's width and height; the network takes RGB in (p - 127.5) /
// 127.5, as MobileNets of TensorFlow do. LABELS has a class name a line.
#include <fettle/fettle.h>
#include <stb_image.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace {

int fail(const fettle::Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s MODEL PICTURE [LABELS [PLAN]]\n", argv[0]);
    return 2;
  }
  // The model first, because its input's name is needed to say how pictures arrive.
  auto model = fettle::Model::load(argv[1]);
  if (!model) return fail(model.error());
  fettle::CompileOptions options;
  options.inputs[model->inputs()[0].name] = {.u8_nhwc = true, .mean = {127.5f}, .std = {127.5f}};
  fettle::Plan plan;
  if (argc > 4) {
    auto loaded = fettle::Plan::load(argv[4]);
    if (!loaded) return fail(loaded.error());
    plan = *std::move(loaded);
  }
  auto program = fettle::Program::compile(*model, argc > 4 ? &plan : nullptr, options);
  if (!program) return fail(program.error());
  auto runtime = fettle::Runtime::create(*program);
  if (!runtime) return fail(runtime.error());

  int width = 0;
  int height = 0;
  const std::unique_ptr<stbi_uc, decltype(&stbi_image_free)> pixels(
      stbi_load(argv[2], &width, &height, nullptr, 3), stbi_image_free);
  const fettle::TensorView input = runtime->input(0);
  if (!pixels || height != input.shape()[2] || width != input.shape()[3]) {
    std::fprintf(stderr, "%s: not a picture of %lld x %lld pixels\n", argv[2],
                 static_cast<long long>(input.shape()[3]), static_cast<long long>(input.shape()[2]));
    return 1;
  }
  std::copy_n(pixels.get(), input.bytes().size(), input.values<unsigned char>().begin());
  if (auto status = runtime->run(); !status) return fail(status.error());

  std::vector<std::string> labels;
  std::ifstream file(argc > 3 ? argv[3] : "");
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  const auto scores = runtime->output(0).values<float>();
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::size_t shown = std::min<std::size_t>(5, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(shown), order.end(),
                    [&](std::size_t a, std::size_t b) { return scores[a] > scores[b]; });
  for (std::size_t i = 0; i < shown; ++i) {
    const std::string name = order[i] < labels.size() ? labels[order[i]] : std::to_string(order[i]);
    std::printf("%8.4f  %s\n", static_cast<double>(scores[order[i]]), name.c_str());
  }
  return 0;
}
