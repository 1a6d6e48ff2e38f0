// SPDX-License-Identifier: Apache-2.0
//
// Several runtimes of one program in several threads; threads that an application supplies; shared weights.
#include "tests/common/data.h"
#include "tests/common/plans.h"
#include "tests/runtime/models.h"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <thread>

namespace fettle::test {
namespace {

// An application's pool: starts threads for every call, slow but simple.
class PlainPool final : public ThreadPool {
 public:
  int threads() const noexcept override { return 3; }
  void parallel(int max_threads, std::int64_t range, Task task, void* context) noexcept override {
    ++calls;
    const std::int64_t count = std::min<std::int64_t>({range, max_threads, 3});
    std::vector<std::thread> others;
    for (std::int64_t i = 1; i < count; ++i) {
      others.emplace_back(
          [=] { task(context, range * i / count, range * (i + 1) / count, static_cast<int>(i)); });
    }
    task(context, 0, range / count, 0);
    for (std::thread& other : others) other.join();
  }
  std::atomic<int> calls{0};
};

}  // namespace

TEST_CASE("runtimes of one program run in parallel and share its weights", "[runtime][threads]") {
  const Model model = value_of(Model::load(glyphs_model()));
  for (const int threads : {1, 2}) {
    CompileOptions options;
    options.threads = threads;
    options.weights = std::make_shared<WeightStore>();
    const Plan plan = homogeneous_plan(model, threads, ".portable", Layout::nchw);
    for (const Plan* chosen : {static_cast<const Plan*>(nullptr), &plan}) {
      const Program program = value_of(Program::compile(model, chosen, options));
      const std::size_t weights = options.weights->bytes();
      const std::vector<float> expected = outputs_of(program);
      const auto pool = value_of(make_thread_pool({.threads = 2}));
      std::vector<std::thread> callers;
      std::atomic<int> wrong{0};
      for (int caller = 0; caller < 3; ++caller) {
        callers.emplace_back([&] {
          RuntimeOptions runtime_options;
          runtime_options.pool = pool;
          Result<Runtime> runtime = Runtime::create(program, runtime_options);
          const std::vector<float> values = numbers(3072, 7);
          if (!runtime || !runtime->input(0).copy_from(values)) return void(++wrong);
          for (int i = 0; i < 10; ++i) {
            if (!runtime->run()) ++wrong;
            const auto scores = runtime->output(0).values<float>();
            if (!std::equal(scores.begin(), scores.end(), expected.begin(), expected.end())) ++wrong;
          }
        });
      }
      for (std::thread& caller : callers) caller.join();
      CHECK(wrong == 0);
      CHECK(options.weights->bytes() == weights);
    }
  }
}

TEST_CASE("programs compiled at the same time share a store", "[runtime][threads]") {
  const Model model = value_of(Model::load(glyphs_model()));
  const auto store = std::make_shared<WeightStore>();
  CompileOptions options;
  options.weights = store;
  std::vector<std::optional<Program>> programs(4);
  std::vector<std::thread> threads;
  for (std::optional<Program>& program : programs) {
    threads.emplace_back([&] {
      if (Result<Program> compiled = Program::compile(model, nullptr, options)) program = *compiled;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::optional<Program>& program : programs) {
    REQUIRE(program);
    CHECK(program->weight_bytes() == store->bytes());
  }
  programs.clear();
  CHECK(store->bytes() == 0);
}

TEST_CASE("a model gives others for several shapes at the same time", "[runtime][threads]") {
  const Model model = parse(free_network(), Shape{1, 3, 8, 8});
  std::vector<std::optional<Model>> models(4);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < models.size(); ++i) {
    threads.emplace_back([&, i] {
      const Shape shape{1 + static_cast<std::int64_t>(i), 3, 9, 8};
      if (Result<Model> other = model.with_shapes({{"x", shape}})) models[i] = *other;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < models.size(); ++i) {
    REQUIRE(models[i]);
    CHECK(models[i]->outputs()[0].shape == Shape{1 + static_cast<std::int64_t>(i), 4});
  }
}

TEST_CASE("an application's own threads do the work", "[runtime][threads]") {
  const Model model = value_of(Model::load(glyphs_model()));
  const std::vector<float> expected = outputs_of(value_of(Program::compile(model)));
  const Plan plan = homogeneous_plan(model, 3, ".portable", Layout::nchw);
  const auto pool = std::make_shared<PlainPool>();
  RuntimeOptions options;
  options.pool = pool;
  Runtime runtime = value_of(Runtime::create(value_of(Program::compile(model, &plan)), options));
  CHECK(relative_error(outputs_of(runtime), expected) < 1e-5);
  CHECK(pool->calls > 0);
}

}  // namespace fettle::test
