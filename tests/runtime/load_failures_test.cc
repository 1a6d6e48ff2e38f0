// SPDX-License-Identifier: Apache-2.0
//
// Fails the first allocation, the second, the third, ... of everything that allocates: each must come back as
// an error, and give back what was taken before it.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/runtime/failing_allocator.h"
#include "tests/runtime/models.h"

#include <fettle/c_api.h>
#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <array>

namespace fettle::test {
namespace {

constexpr int kOk = 0;
constexpr int kThrown = -1;
constexpr int kNoMemory = static_cast<int>(ErrorCode::kOutOfMemory);

template <typename T>
int code_of(const Result<T>& result) {
  return result ? kOk : static_cast<int>(result.error().code());
}

struct Outcome {
  int code = kOk;
  bool leaked = false;
};

/// Does the work while only so many allocations succeed. `work` returns an error code, or kOk.
template <typename Work>
Outcome with_allocations(long count, const Work& work) {
  const long before = blocks_alive();
  int code = kThrown;
  allow_allocations(count);
  try {
    code = work();
  } catch (const std::bad_alloc&) {  // the test goes on, to say which allocation it was
  }
  allow_allocations(kAllAllocations);
  return {code, blocks_alive() != before};
}

/// Fails every allocation in turn, from number `dense` on only each `stride`-th.
template <typename Work>
void check_failures(const Work& work, long dense = kAllAllocations, long stride = 1) {
  if (!allocations_can_fail()) SKIP("allocations cannot be made to fail here");
  // What is made once and kept (CPU detection, the backend's tables) is made by a first round.
  REQUIRE(work() == kOk);
  const Outcome steady = with_allocations(kAllAllocations, work);
  REQUIRE(steady.code == kOk);
  REQUIRE_FALSE(steady.leaked);
  long left = 0;
  for (;; left += left < dense ? 1 : stride) {
    const Outcome outcome = with_allocations(left, work);
    if (outcome.code == kOk) break;
    if (outcome.code == kNoMemory && !outcome.leaked) continue;
    INFO("failing allocation number " << left + 1);
    CHECK(outcome.code == kNoMemory);
    CHECK_FALSE(outcome.leaked);
  }
  UNSCOPED_INFO("allocations: " << left);
  CHECK(left > 0);
}

// Everything but the plan's text, from bytes to results, and what there is to ask on the way.
class SmallNetwork {
 public:
  SmallNetwork() {
    options_.threads = 2;
    options_.inputs["x"] = {.u8_nhwc = true, .mean = {1}, .std = {2}};
    options_.log = [](LogLevel, const std::string&) {};
    runtime_options_.profile = true;
    const Model model = parse(residual_network());
    Plan plan = random_plan(model, 2, 1);
    plan.points.front().layers.begin()->second.variant.kernel =
        "conv.a_kernel_that_is_in_no_build.f32.nowhere";
    plan_ = std::move(plan);
  }

  int operator()() const {
    const Result<Model> model = Model::parse(onnx_bytes::as_bytes(bytes_), name_);
    if (!model) return code_of(model);
    const Result<Program> program = Program::compile(*model, &plan_, options_);
    if (!program) return code_of(program);
    if (program->effective_plan().points.empty()) return kNoMemory;
    if (enumerate_variants(*model, options_).empty()) return kNoMemory;
    Result<Runtime> runtime = Runtime::create(*program, runtime_options_);
    return runtime ? use(*runtime) : code_of(runtime);
  }

  const std::string& bytes() const { return bytes_; }
  const Plan& plan() const { return plan_; }

 private:
  int use(Runtime& runtime) const {
    if (const Status status = runtime.bind_output(0, std::as_writable_bytes(std::span(output_))); !status)
      return code_of(status);
    if (const Status status = runtime.run(); !status) return code_of(status);
    if (runtime.profile_table().empty() || runtime.profile_trace().empty()) return kNoMemory;
    // Errors need memory too.
    const auto as_wanted = [](int code, ErrorCode wanted) {
      return code == static_cast<int>(wanted) ? kOk : code;
    };
    const std::array codes{
        as_wanted(code_of(runtime.input("a name that no input of this network has")),
                  ErrorCode::kUnknownName),
        as_wanted(code_of(runtime.input(0).copy_from(output_)), ErrorCode::kWrongType),
        as_wanted(code_of(runtime.input(0).copy_from(std::span<const std::byte>())), ErrorCode::kWrongSize),
        as_wanted(code_of(runtime.output(0).copy_to({})), ErrorCode::kWrongSize),
        as_wanted(code_of(runtime.bind_input(9, {})), ErrorCode::kInvalidArgument)};
    const auto failed = std::find_if(codes.begin(), codes.end(), [](int code) { return code != kOk; });
    return failed == codes.end() ? kOk : *failed;
  }

  std::string bytes_ = residual_network().bytes();
  std::string name_ = "a name that is longer than a small string";
  Plan plan_;
  CompileOptions options_;
  RuntimeOptions runtime_options_;
  mutable std::array<float, 960> output_{};
};

int pool_threads(void*) { return 1; }
void pool_parallel(void*, int, std::int64_t range, void (*task)(void*, std::int64_t, std::int64_t, int),
                   void* context) {
  task(context, 0, range, 0);
}

struct Handles {
  fettle_model* model = nullptr;
  fettle_model* reshaped = nullptr;
  fettle_weight_store* store = nullptr;
  fettle_plan* plan = nullptr;
  fettle_program* program = nullptr;
  fettle_runtime* runtime = nullptr;
  ~Handles() {
    fettle_model_free(model);
    fettle_model_free(reshaped);
    fettle_weight_store_free(store);
    fettle_plan_free(plan);
    fettle_program_free(program);
    fettle_runtime_free(runtime);
  }
};

}  // namespace

TEST_CASE("any allocation of a small network that fails is an error, and nothing leaks", "[runtime]") {
  const SmallNetwork network;
  check_failures(network, quick() ? 600 : kAllAllocations, 7);
}

TEST_CASE("handles of the C interface are not made when memory runs out", "[runtime]") {
  const SmallNetwork network;
  fettle_compile_options options;
  fettle_compile_options_init(&options);
  options.threads = 2;
  options.picture_input = "x";
  const fettle_thread_pool pool{nullptr, pool_threads, pool_parallel};
  fettle_runtime_options runtime_options;
  fettle_runtime_options_init(&runtime_options);
  runtime_options.pool = &pool;
  // The message of the latest failure is kept; a call that succeeds drops it, so that leaks can be counted.
  Handles other;
  REQUIRE(fettle_model_parse(network.bytes().data(), network.bytes().size(), nullptr, &other.model) == 0);
  const std::string plan = network.plan().json();
  REQUIRE(fettle_plan_parse(plan.data(), plan.size(), &other.plan) == 0);
  REQUIRE(fettle_program_compile(other.model, nullptr, nullptr, &other.program) == 0);
  REQUIRE(fettle_runtime_create(other.program, nullptr, &other.runtime) == 0);

  bool handle_after_failure = false;
  const auto work = [&] {
    Handles made;
    int code = fettle_model_parse(network.bytes().data(), network.bytes().size(), nullptr, &made.model);
    if (code == 0) {
      code = fettle_program_compile(made.model, other.plan, &options, &made.program);
      handle_after_failure = handle_after_failure || (code != 0 && made.program != nullptr);
    }
    if (code == 0) {
      code = fettle_runtime_create(made.program, &runtime_options, &made.runtime);
      handle_after_failure = handle_after_failure || (code != 0 && made.runtime != nullptr);
    }
    if (code == 0 && fettle_runtime_report_count(made.runtime) == 0) code = kThrown - 1;
    if (code == 0 && fettle_runtime_profile_table(made.runtime) == nullptr) code = kNoMemory;
    allow_allocations(kAllAllocations);
    if (fettle_runtime_run(other.runtime) != 0) code = kThrown - 1;
    return code;
  };
  check_failures(work, quick() ? 600 : kAllAllocations, 7);
  CHECK_FALSE(handle_after_failure);
}

TEST_CASE("models for other shapes and stores are not made when memory runs out", "[runtime]") {
  const std::string bytes = free_network().bytes();
  fettle_input_shape shape{"x", 4, {1, 3, 12, 10}};
  Handles other;
  REQUIRE(fettle_model_parse_shaped(bytes.data(), bytes.size(), "free", &shape, 1, &other.model) == 0);
  shape.shape[2] = 20;
  bool handle_after_failure = false;
  const auto work = [&] {
    Handles made;
    int code = fettle_weight_store_create(&made.store);
    handle_after_failure = handle_after_failure || (code != 0 && made.store != nullptr);
    if (code == 0) code = fettle_model_with_shapes(other.model, &shape, 1, &made.reshaped);
    handle_after_failure = handle_after_failure || (code != 0 && made.reshaped != nullptr);
    // The message of the failure is kept; a call that succeeds drops it, so that leaks can be counted.
    allow_allocations(kAllAllocations);
    if (fettle_model_with_shapes(other.model, nullptr, 0, &made.model) != 0) code = kThrown - 1;
    return code;
  };
  check_failures(work);
  CHECK_FALSE(handle_after_failure);
}

TEST_CASE("any allocation that fails for another input shape is an error, and nothing leaks", "[runtime]") {
  const Model model = parse(free_network(), Shape{1, 3, 12, 10});
  const std::map<std::string, Shape> shapes{{"x", Shape{2, 3, 14, 11}}};
  const std::map<std::string, Shape> wrong{{"x", Shape{2, 5, 14, 11}}};
  CompileOptions options;
  options.weights = std::make_shared<WeightStore>();
  const Program program = value_of(Program::compile(model, nullptr, options));
  check_failures([&] {
    const int refused = code_of(model.with_shapes(wrong));
    if (refused != static_cast<int>(ErrorCode::kWrongShape)) return refused;
    const Result<Model> other = model.with_shapes(shapes);
    return other ? code_of(Program::compile(*other, nullptr, options)) : code_of(other);
  });
}

TEST_CASE("any allocation that fails while problems are listed is an error, and nothing leaks", "[runtime]") {
  using namespace onnx_bytes;
  ModelBytes model = free_network();
  model.nodes.push_back(node("Magic", {"x"}, {"m"}));
  model.initialisers.push_back(floats("flat", {2}, {1, 2}));
  model.nodes.push_back(node("Concat", {"flat"}, {"c"}, {attribute("axis", std::int64_t{5})}));
  const std::string bytes = model.bytes();
  const std::string name = "a name that is longer than a small string";
  check_failures([&] {
    const int code = code_of(Model::parse(as_bytes(bytes), name));
    return code == static_cast<int>(ErrorCode::kModelUnsupported) ? kOk : code;
  });
}

TEST_CASE("a thread pool that cannot be made is an error", "[runtime]") {
  check_failures([] {
    ThreadPoolOptions options;
    options.threads = 1;
    return code_of(make_thread_pool(options));
  });
}

TEST_CASE("any allocation that fails during a load from files is an error, and nothing leaks", "[runtime]") {
  const std::string path = glyphs_model();
  const std::string no_plan;
  LoadOptions options;
  SECTION("one thread") {}
  SECTION("two threads and a profile") {
    options.compile.threads = 2;
    options.runtime.profile = true;
  }
  // A load makes tens of thousands of allocations: all of the first, then ever fewer.
  check_failures([&] { return code_of(Runtime::load(path, no_plan, options)); }, quick() ? 100 : 1500,
                 quick() ? 997 : 11);
}

}  // namespace fettle::test
