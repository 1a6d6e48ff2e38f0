// SPDX-License-Identifier: Apache-2.0
//
// The mode in which steps compute: the same in every thread, whatever the application has set, and nothing of
// it left behind.
#include "lib/base/float_mode.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <cfenv>
#include <cstring>
#include <memory>
#include <thread>

namespace fettle::test {
namespace {

const FloatMode kKeep = FloatMode::standard(Subnormals::keep);
const FloatMode kFlush = FloatMode::standard(Subnormals::flush);

constexpr Op kFloatModeAdd[] = {Op::add};
constexpr Op kDiv[] = {Op::div};
constexpr Signature kNchw[] = {{Layout::nchw, Layout::nchw, DataType::f32}};

// What the probes of an application have seen.
struct Seen {
  std::atomic<int> flushing{0};
  std::atomic<int> keeping{0};
  std::atomic<int> other{0};
  bool fail = false;

  void note() {
    const FloatMode mode = FloatMode::of_thread();
    ++(mode == kFlush ? flushing : mode == kKeep ? keeping : other);
  }
};
Seen* g_seen = nullptr;

// An application's kernel that says in which mode it is called, on every thread.
class Probe final : public BoundKernel {
 public:
  explicit Probe(const BindArgs& args) : pool_(args.pool), threads_(args.threads) {}
  Status set_buffers(std::span<const void* const>, std::span<void* const>, void*) noexcept override {
    return {};
  }
  Status run() noexcept override {
    parallel_for(pool_, threads_, 64, [](std::int64_t begin, std::int64_t end, int) {
      for (std::int64_t i = begin; i < end; ++i) g_seen->note();
    });
    return g_seen->fail ? Status(Error(ErrorCode::kKernelFailed, "the probe fails")) : Status();
  }

 private:
  ThreadPool* pool_;
  int threads_;
};

Kernel probe_row(std::string_view name, std::span<const Op> pattern) {
  Kernel row{};
  row.name = name;
  row.revision = 1;
  row.pattern = pattern;
  row.signatures = kNchw;
  row.threaded = true;
  row.supports = [](const LayerDesc&, const Cpu&) { return Refusal::none; };
  row.bind = [](const BindArgs& args) -> Result<std::unique_ptr<BoundKernel>> {
    return std::unique_ptr<BoundKernel>(std::make_unique<Probe>(args));
  };
  return row;
}

const Kernel kAddProbe = probe_row("add.probe.f32.test", kFloatModeAdd);
const Kernel kDivProbe = probe_row("div.probe.f32.test", kDiv);
const Kernel* const kProbes[] = {&kAddProbe, &kDivProbe};

// y = a / (a + b), both large enough to be worth sharing among threads.
onnx_bytes::ModelBytes sum_and_quotient() {
  using namespace onnx_bytes;
  ModelBytes model;
  model.inputs = {value_info("a", {512, 512}), value_info("b", {512, 512})};
  model.outputs = {"y"};
  model.nodes.push_back(node("Add", {"a", "b"}, {"s"}, {}, "sum"));
  model.nodes.push_back(node("Div", {"a", "s"}, {"y"}, {}, "quotient"));
  return model;
}

// An application's pool, whose threads have a mode of their own and expect it back.
class OwnModePool final : public ThreadPool {
 public:
  explicit OwnModePool(FloatMode mode) : mode_(mode) {}
  int threads() const noexcept override { return 3; }
  void parallel(int max_threads, std::int64_t range, Task task, void* context) noexcept override {
    ++calls;
    const std::int64_t count = std::min<std::int64_t>({range, max_threads, 3});
    std::vector<std::thread> others;
    for (std::int64_t i = 1; i < count; ++i) {
      others.emplace_back([=, this] {
        mode_.apply();
        task(context, range * i / count, range * (i + 1) / count, static_cast<int>(i));
        if (!(FloatMode::of_thread() == mode_)) ++changed;
      });
    }
    task(context, 0, range / count, 0);
    for (std::thread& other : others) other.join();
  }
  std::atomic<int> calls{0};
  std::atomic<int> changed{0};

 private:
  FloatMode mode_;
};

// Loaded and compiled by a caller in that mode, for kernels of that kind.
Program compiled_in(FloatMode mode, const onnx_bytes::ModelBytes& bytes, const ModelOptions& options,
                    std::string_view kernels, int threads) {
  const FloatScope scope(mode);
  const Model model = parse(bytes, options);
  const Plan plan = homogeneous_plan(model, threads, kernels, Layout::nhwc);
  return value_of(Program::compile(model, &plan));
}

// Runs with inputs of all sizes, subnormal ones too, called in that mode, and gives the bits of the first
// output.
std::vector<std::uint32_t> bits_of(Runtime& runtime, FloatMode mode) {
  for (std::size_t i = 0; i < runtime.input_count(); ++i) {
    const auto values = runtime.input(i).values<float>();
    const std::vector<float> random = numbers(static_cast<std::int64_t>(values.size()), 5);
    std::memcpy(values.data(), random.data(), values.size_bytes());
    constexpr std::uint32_t kSubnormal[] = {0x00000001, 0x00012345, 0x007fffff, 0x80400000};
    for (std::size_t at = 0; at + 3 < values.size(); at += 4)
      std::memcpy(&values[at], &kSubnormal[at / 4 % 4], sizeof(float));
  }
  {
    const FloatScope scope(mode);
    succeeds(runtime.run());
  }
  const auto bytes = runtime.output(0).bytes();
  std::vector<std::uint32_t> bits(bytes.size() / sizeof(std::uint32_t));
  std::memcpy(bits.data(), bytes.data(), bytes.size());
  return bits;
}

}  // namespace

TEST_CASE("a run leaves the caller's mode as it was, also when it fails", "[runtime]") {
  const Model model = parse(sum_and_quotient());
  CompileOptions options;
  options.kernels = kProbes;
  Seen seen;
  g_seen = &seen;
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(model, nullptr, options))));
  for (const FloatMode callers : {kKeep, kFlush}) {
    const FloatScope scope(callers);
    for (const bool fail : {false, true}) {
      seen.fail = fail;
      for (const bool profile : {false, true}) {
        runtime.set_profiling(profile);
        CHECK(bool(runtime.run()) == !fail);
        CHECK(FloatMode::of_thread() == callers);
      }
      bool own = true;
      const Status status =
          runtime.run_visiting([&](std::size_t, std::span<const void* const>, std::span<void* const>) {
            own = own && FloatMode::of_thread() == callers;  // the visitor is the caller's code
          });
      CHECK(bool(status) == !fail);
      CHECK(own);
      CHECK(FloatMode::of_thread() == callers);
    }
  }
  REQUIRE(std::fesetround(FE_DOWNWARD) == 0);
  seen.fail = false;
  const bool ran = bool(runtime.run());
  const int rounding = std::fegetround();
  REQUIRE(std::fesetround(FE_TONEAREST) == 0);
  CHECK(ran);
  CHECK(rounding == FE_DOWNWARD);
}

TEST_CASE("an application's kernels and threads get the layer's mode, and threads their own back",
          "[runtime][threads]") {
  for (const bool keep : {false, true}) {
    ModelOptions model_options;
    model_options.keep_subnormals = keep;
    CompileOptions options;
    options.kernels = kProbes;
    options.threads = 3;
    const Program program =
        value_of(Program::compile(parse(sum_and_quotient(), model_options), nullptr, options));
    for (const FloatMode threads_own : {kKeep, kFlush}) {
      const auto pool = std::make_shared<OwnModePool>(threads_own);
      RuntimeOptions runtime_options;
      runtime_options.pool = pool;
      Runtime runtime = value_of(Runtime::create(program, runtime_options));
      for (const int way : {0, 1, 2}) {
        Seen seen;
        g_seen = &seen;
        runtime.set_profiling(way == 1);
        if (way == 2) {
          succeeds(
              runtime.run_visiting([](std::size_t, std::span<const void* const>, std::span<void* const>) {}));
        } else {
          succeeds(runtime.run());
        }
        CHECK(seen.flushing == (keep ? 0 : 64));  // the sum
        CHECK(seen.keeping == (keep ? 128 : 64));
        CHECK(seen.other == 0);
      }
      CHECK(pool->calls == 6);
      CHECK(pool->changed == 0);
    }
  }
}

TEST_CASE(
    "results are the same bits whatever mode the caller and the threads are in, and however many there are",
    "[runtime][threads]") {
  for (const bool keep : {false, true}) {
    ModelOptions options;
    options.keep_subnormals = keep;
    for (const auto& bytes : {residual_network(), sum_and_quotient()}) {
      for (const std::string_view kernels : {".xnnpack", ".portable", ".neon", ".avx2"}) {
        std::vector<std::uint32_t> expected;
        for (const FloatMode loaders : {kKeep, kFlush}) {
          for (const int threads : {1, 3}) {
            const Program program = compiled_in(loaders, bytes, options, kernels, threads);
            for (const FloatMode threads_own : {kKeep, kFlush}) {
              RuntimeOptions runtime_options;
              runtime_options.pool = std::make_shared<OwnModePool>(threads_own);
              Runtime runtime = value_of(Runtime::create(program, runtime_options));
              for (const FloatMode callers : {kKeep, kFlush}) {
                const std::vector<std::uint32_t> bits = bits_of(runtime, callers);
                if (expected.empty()) expected = bits;
                INFO(kernels << ", " << threads << " threads, keep " << keep);
                CHECK(bits == expected);
              }
            }
          }
        }
      }
    }
  }
}

TEST_CASE("what rounding and subnormal numbers a model is loaded under makes no difference to its weights",
          "[runtime]") {
  // The batch normalisation goes into the weights: 2^-70 times 2^-70 there, times 2^100 from the input.
  onnx_bytes::ModelBytes bytes;
  bytes.inputs = {onnx_bytes::value_info("x", {1, 1, 4, 4})};
  bytes.outputs = {"y"};
  bytes.nodes.push_back(onnx_bytes::node("Conv", {"x", "w"}, {"c"}, {}, "conv"));
  bytes.nodes.push_back(onnx_bytes::node("Mul", {"c", "m"}, {"y"}, {}, "scale"));
  bytes.initialisers.push_back(onnx_bytes::floats("w", {1, 1, 1, 1}, {0x1p-70f}));
  bytes.initialisers.push_back(onnx_bytes::floats("m", {1}, {0x1p-70f}));
  ModelOptions options;
  options.keep_subnormals = true;
  for (const FloatMode loaders : {kKeep, kFlush}) {
    const Program program = compiled_in(loaders, bytes, options, ".reference", 1);
    REQUIRE(program.model()->layers().size() == 1);
    Runtime runtime = value_of(Runtime::create(program));
    for (float& value : runtime.input(0).values<float>()) value = 0x1p100f;
    succeeds(runtime.run());
    CHECK(runtime.output(0).values<float>()[0] == 0x1p-40f);
  }
}

}  // namespace fettle::test
