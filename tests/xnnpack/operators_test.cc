// SPDX-License-Identifier: Apache-2.0
//
// What the tests of all kernels do not see: packed weights that move, are shared by threads, or are not what
// they should be.
#include "tests/xnnpack/layers.h"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <thread>
#include <vector>

namespace fettle::test {
namespace {

std::vector<std::byte> copy(std::span<const std::byte> bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("names are unique and rows complete", "[xnnpack]") {
  int entries = 0;
  for (const Kernel* kernel : builtin_kernels()) {
    if (!kernel->name.ends_with(".xnnpack")) continue;
    ++entries;
    CHECK(row(kernel->name) == kernel);
    CHECK(kernel->supports != nullptr);
    CHECK(kernel->bind != nullptr);
    CHECK_FALSE(kernel->signatures.empty());
    CHECK((kernel->pack == nullptr) == (kernel->packed_bytes == nullptr));
  }
  CHECK(entries > 30);
}

TEST_CASE("every case is supported", "[xnnpack]") {
  for (const Case& c : all_cases()) {
    INFO(c.layer.text());
    CHECK(row(c.kernel)->supports(c.layer, this_cpu()) == Refusal::none);
  }
}

TEST_CASE("packing twice gives the same bytes, wherever they lie", "[xnnpack]") {
  for (const Case& c : all_cases()) {
    INFO(c.layer.text());
    const auto first = packed(c);
    const auto second = packed(c);
    REQUIRE(first);
    REQUIRE(second);
    CHECK(copy(first->span()) == copy(second->span()));
  }
}

TEST_CASE("runtimes in several threads share packed weights and agree bit for bit", "[xnnpack]") {
  ThreadPoolOptions options;
  options.threads = 2;
  const auto pool = make_thread_pool(options);
  REQUIRE(pool);
  for (const Case& c : all_cases()) {
    INFO(c.layer.text());
    const auto weights = packed(c);
    REQUIRE(weights);
    Instance alone(c, weights->span(), nullptr, 1);
    REQUIRE(alone.status);
    REQUIRE(alone.run());
    const std::vector<std::byte> expected = copy(alone.output());
    std::vector<int> agreed(4, 0);
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < agreed.size(); ++t) {
      threads.emplace_back([&, t] {
        Instance mine(c, weights->span(), t % 2 == 0 ? nullptr : pool->get(), t % 2 == 0 ? 1 : 2);
        if (!mine.status) return;
        for (int i = 0; i < 5; ++i) {
          if (mine.run() && copy(mine.output()) == expected) ++agreed[t];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(agreed == std::vector<int>(4, 5));
  }
}

TEST_CASE("bytes that are no packed weights are refused", "[xnnpack]") {
  for (const Case& c : all_cases()) {
    if (row(c.kernel)->pack == nullptr) continue;
    INFO(c.layer.text());
    auto weights = packed(c);
    REQUIRE(weights);
    const std::span<std::byte> bytes = weights->span();
    CHECK_FALSE(Instance(c, {}, nullptr, 1).status);
    CHECK_FALSE(Instance(c, bytes.first(16), nullptr, 1).status);
    CHECK_FALSE(Instance(c, bytes.first(bytes.size() - 64), nullptr, 1).status);
    if (c.kernel == "add.direct.f32.xnnpack") continue;  // numbers without a header
    bytes[4] ^= std::byte{1};                            // the key of the packing
    const Instance wrong(c, bytes, nullptr, 1);
    REQUIRE_FALSE(wrong.status);
    CHECK(wrong.status.error().code() == ErrorCode::kKernelFailed);
    CHECK_FALSE(wrong.status.error().hint().empty());
    bytes[4] ^= std::byte{1};
    bytes[0] ^= std::byte{1};
    CHECK_FALSE(Instance(c, bytes, nullptr, 1).status);
  }
}

TEST_CASE("refusals name the reason", "[xnnpack]") {
  const auto refusal = [](std::string_view kernel, const Case& c) {
    return row(kernel)->supports(c.layer, this_cpu());
  };
  std::vector<Case> cases = all_cases();
  Case& conv = cases[0];
  CHECK(refusal("dwconv.direct.f32.xnnpack", conv) == Refusal::groups);
  CHECK(refusal("max_pool.indirect.f32.xnnpack", conv) == Refusal::op);
  CHECK(refusal("conv.indirect.f32.xnnpack", cases[2]) == Refusal::groups);
  const Case large =
      make_case("dwconv.direct.f32.xnnpack", windowed(Op::conv, 7, 1, 3, 21),
                {tensor({1, 21, 9, 9}, Layout::nhwc), tensor({21, 1, 7, 7}, Layout::nhwc, true)},
                tensor({1, 21, 9, 9}, Layout::nhwc));
  CHECK(refusal(large.kernel, large) == Refusal::kernel_size);
  CHECK(refusal("conv.indirect.f32.xnnpack", large) == Refusal::groups);
  Case changed = conv;
  changed.layer.inputs[1].constant = false;
  CHECK(refusal(conv.kernel, changed) == Refusal::not_constant);
  changed = conv;
  changed.layer.inputs[0].format.type = DataType::s8;
  CHECK(refusal(conv.kernel, changed) == Refusal::data_type);
  changed = conv;
  changed.layer.inputs[0].format.layout = Layout::nchw;
  CHECK(refusal(conv.kernel, changed) == Refusal::layout);
  changed = conv;
  changed.layer.inputs[0].strides[2] += 1;
  CHECK(refusal(conv.kernel, changed) == Refusal::strides);
  changed = conv;
  changed.layer.outputs[0].shape[3] = 8;
  CHECK(refusal(conv.kernel, changed) != Refusal::none);
  changed = conv;
  changed.layer.parts[0].clamp = Clamp{1, 0};
  CHECK(refusal(conv.kernel, changed) == Refusal::clamp);
  changed = conv;
  changed.layer.parts[0].attributes.set("pads", Integers{-1, 1, 1, 1});
  CHECK(refusal(conv.kernel, changed) == Refusal::padding);
  changed = conv;
  changed.layer.parts[0].attributes.set("strides", Integers{0, 1});
  CHECK(refusal(conv.kernel, changed) == Refusal::stride);
}

TEST_CASE("slices give the bits that the whole gives", "[xnnpack]") {
  ThreadPoolOptions options;
  options.threads = 3;
  const auto pool = make_thread_pool(options);
  REQUIRE(pool);
  const std::vector<Case> cases = sliced_cases();
  for (std::size_t i = 0; i < cases.size(); ++i) {
    INFO(cases[i].layer.text());
    Case whole = cases[i];
    whole.kernel = kSlicedRows[i].second;
    const auto whole_weights = packed(whole);
    const auto weights = packed(cases[i]);
    REQUIRE(whole_weights);
    REQUIRE(weights);
    Instance expected(whole, whole_weights->span(), nullptr, 1);
    REQUIRE(expected.status);
    REQUIRE(expected.run());
    for (const int threads : {1, 2, 3}) {
      Instance sliced(cases[i], weights->span(), pool->get(), threads);
      REQUIRE(sliced.status);
      REQUIRE(sliced.run());
      CHECK(copy(sliced.output()) == copy(expected.output()));
    }
  }
}

TEST_CASE("slices are for weights that the cache does not keep", "[xnnpack]") {
  Cpu cpu = this_cpu();
  for (const Case& c : sliced_cases()) {
    INFO(c.layer.text());
    const std::size_t cache = this_cpu().cores.front().l2_bytes;
    cpu.cores.front().l2_bytes = 4 * std::max(cache, std::size_t{1} << 20);
    CHECK(row(c.kernel)->supports(c.layer, cpu) == Refusal::too_small);
    cpu.cores.front().l2_bytes = std::size_t{1} << 18;
    CHECK(row(c.kernel)->supports(c.layer, cpu) == Refusal::none);
  }
  // A single row reads the weights once, whatever there are.
  Case single = sliced_cases()[1];
  single.layer.inputs[0] = tensor({1, 300}, Layout::nchw);
  single.layer.outputs[0] = tensor({1, single.layer.outputs[0].shape[1]}, Layout::nchw);
  CHECK(row(single.kernel)->supports(single.layer, this_cpu()) == Refusal::too_small);
}

TEST_CASE("no slice is so narrow that XNNPACK loses NaN in it", "[xnnpack]") {
  Case rest = sliced_cases()[1];
  const std::int64_t n = rest.layer.outputs[0].shape[1] / 32 * 32 + 8;
  rest.layer.inputs[1] = tensor({n, 300}, Layout::nhwc, true);
  rest.layer.inputs[2] = tensor({n}, Layout::nhwc, true);
  rest.layer.outputs[0] = tensor({9, n}, Layout::nhwc);
  CHECK(row(rest.kernel)->supports(rest.layer, this_cpu()) == (kIsX86 ? Refusal::shape : Refusal::none));
  const bool there = find_builtin_kernel("gemm.packed_few.f32.xnnpack") != nullptr;
  CHECK(there == kIsX86);
}

TEST_CASE("average pooling that counts its padding is refused", "[xnnpack]") {
  std::vector<Case> cases = all_cases();
  const auto pool = std::find_if(cases.begin(), cases.end(),
                                 [](const Case& c) { return c.layer.main().op == Op::average_pool; });
  REQUIRE(pool != cases.end());
  pool->layer.parts[0].attributes.set("count_include_pad", std::int64_t{1});
  CHECK(row(pool->kernel)->supports(pool->layer, this_cpu()) == Refusal::padding);
}

}  // namespace fettle::test
