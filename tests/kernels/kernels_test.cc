// SPDX-License-Identifier: Apache-2.0
//
// Every entry that is tested here, by itself and with each of its epilogues, on generated layers, against the
// reference: what an entry accepts it must compute, in every layout that it offers, from strided tensors
// where it takes them, in place where it says so, on several threads.
#include "kernels/reference/reference_kernels.h"
#include "lib/base/channel_block.h"
#include "lib/base/extents.h"
#include "lib/compile/kernel_table.h"
#include "tests/common/data.h"
#include "tests/common/seed.h"
#include "tests/kernels/entries.h"
#include "tests/kernels/narrow_weights.h"
#include "tests/kernels/special.h"
#include "tests/kernels/variant.h"

#include <catch2/catch_test_macros.hpp>

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace fettle::test {
namespace {

using runtime::KernelTable;

// Distances that leave gaps: between pixels, or wherever it may be.
void stretch(TensorDesc& tensor, Striding striding) {
  if (striding == Striding::dense || tensor.constant || tensor.shape.rank() < 2) return;
  Shape wider = tensor.shape;
  for (int axis = 0; axis < wider.rank(); ++axis)
    wider[axis] += striding == Striding::any ? 1 : axis == 1 ? 3 : 0;
  tensor.strides = dense_strides(wider, tensor.format);
}

// How often each kernel was run with each epilogue (name_with_epilogue), for the check that none was
// forgotten.
std::map<std::string, int, std::less<>>& runs() {
  static std::map<std::string, int, std::less<>> counts;
  return counts;
}

// The same for entries whose packed bytes were compared between two sizes.
std::map<std::string, int, std::less<>>& sizes() {
  static std::map<std::string, int, std::less<>> counts;
  return counts;
}

// Entries that pack for any size write the same for a batch of twice as many.
void check_packing(const KernelTable& table, const Kernel& kernel, const LayerDesc& desc,
                   const TestLayer& layer) {
  if (!kernel.packed_for_any_size) return;
  LayerDesc larger = desc;
  for (std::vector<TensorDesc>* tensors : {&larger.inputs, &larger.outputs, &larger.inner}) {
    for (TensorDesc& tensor : *tensors) {
      if (tensor.constant || tensor.shape.rank() == 0) continue;
      tensor.shape[0] *= 2;
      tensor.strides = dense_strides(tensor.shape, tensor.format);
    }
  }
  if (table.check(kernel, larger) != Refusal::none) return;
  ++sizes()[name_with_epilogue(kernel, desc)];
  INFO(kernel.name << ": " << desc.text());
  CHECK(packed(kernel, larger, layer) == packed(kernel, desc, layer));
}

// The same for entries that were told extents.
std::map<std::string, int, std::less<>>& told() {
  static std::map<std::string, int, std::less<>> counts;
  return counts;
}

// The layer with more elements, of which some axes only have a bound: `axis` of the first operand, and of
// others of its rank that have as many. Nothing where the operator does not follow that.
std::optional<LayerDesc> with_bounds(const LayerDesc& desc, int axis) {
  LayerDesc larger = desc;
  const auto grow = [&](TensorDesc& tensor) {
    set_bounded(tensor, axis);
    tensor.shape[axis] += 3;
    tensor.strides = dense_strides(tensor.shape, tensor.format);
  };
  const Shape& first = desc.inputs.front().shape;
  for (TensorDesc& tensor : larger.inputs) {
    const bool grows = !tensor.constant && tensor.shape.rank() == first.rank() && axis < first.rank() &&
                       tensor.shape[axis] == first[axis];
    if (grows) grow(tensor);
  }
  if (larger.inputs.front().bounded == 0 || follow_extents(larger, {}) != nullptr) return std::nullopt;
  for (TensorDesc& tensor : larger.outputs) tensor.strides = dense_strides(tensor.shape, tensor.format);
  // Formats are not the rules' affair; rules know plain ones.
  if (!larger.check()) return std::nullopt;
  return larger;
}

// An entry that learns extents computes for them what it does for a layer that has them.
void check_bounded(const KernelTable& table, const Kernel& kernel, const LayerDesc& desc,
                   const TestLayer& layer, const Expected& expected) {
  const bool finds_extents = extents_result(desc.main().op, 0) >= 0;
  if (kernel.bounded_axes == BoundedAxes::none || finds_extents || desc.parts.size() > 1) return;
  for (int axis = 0; axis < desc.inputs.front().shape.rank(); ++axis) {
    const std::optional<LayerDesc> bounds = with_bounds(desc, axis);
    if (!bounds || table.check(kernel, *bounds) != Refusal::none) continue;
    ++told()[std::string(kernel.name)];
    Setting setting{Against::end, 1};
    setting.bounds = &*bounds;
    check_variant(kernel, desc, layer, expected, setting);
    setting.threads = 2;
    setting.against = Against::start;
    check_variant(kernel, desc, layer, expected, setting);
  }
}

// How often each kernel met special values: often enough to see every lane, for the time that they take.
std::map<std::string, int, std::less<>>& specials() {
  static std::map<std::string, int, std::less<>> counts;
  return counts;
}
bool is_time_for_special(const std::string& name) {
  const int each = quick() ? 4 : 12;
  const int met = ++specials()[name];
  return met <= each || met % (quick() ? 32 : 8) == 0;
}

// Emulators and sanitizers take many times as long: there an entry runs the first layer that it takes with
// each epilogue in each signature, and an eighth of the others, drawn by the seed of the day.
bool is_drawn(const Kernel& kernel, const std::string& name, const Signature& signature) {
  if (!quick()) return true;
  if (kernel.packed_for_any_size && sizes()[name] == 0) return true;
  static Random random(seed_of_the_day());
  static std::map<std::pair<std::string, Signature>, int> met;
  return ++met[{name, signature}] <= 1 || random() % 8 == 0;
}

// What check_layer() is at, with what is made when first asked for.
class Checked {
 public:
  explicit Checked(const TestLayer& layer) : layer_(layer) {}
  const TestLayer& layer() const { return layer_; }
  /// By the reference, of weights as the kernel stores them.
  const Expected& expected(const Kernel& kernel) {
    const DataType weights = narrow_weights(kernel);
    const auto known = expected_.find(weights);
    if (known != expected_.end()) return known->second;
    return expected_[weights] = reference_outputs(
               weights == DataType::undefined ? layer_ : with_rounded_weights(layer_, weights));
  }
  /// With special values.
  const SpecialLayer& special() {
    static Random random(3);
    if (!special_) special_ = with_special_values(layer_, random);
    return *special_;
  }

 private:
  const TestLayer& layer_;
  std::map<DataType, Expected> expected_;  // by the type of weights
  std::optional<SpecialLayer> special_;
};

// Whether a variant has the types that its kernel offers.
bool has_types(const Signature& variant, const Signature& offered) {
  const auto same = [](DataType has, DataType says) { return says == DataType::undefined || has == says; };
  return same(variant.input.type, offered.input.type) && same(variant.output.type, offered.output.type) &&
         same(variant.weights, offered.weights);
}

void check_signature(const KernelTable& table, const Kernel& kernel, const Signature& signature, Isa isa,
                     Checked& checked) {
  const TestLayer& layer = checked.layer();
  LayerDesc desc = with_signature(layer.desc, signature, isa);
  const Refusal refusal = table.check(kernel, desc);
  CHECK_FALSE(to_string(refusal).empty());
  const std::string name = name_with_epilogue(kernel, desc);
  if (refusal != Refusal::none || !is_drawn(kernel, name, signature)) return;
  INFO(name << " " << signature.text() << ": " << desc.text());
  CHECK(has_types(signature_of(desc, signature), signature));
  const Expected& expected = checked.expected(kernel);
  ++runs()[name];
  check_packing(table, kernel, desc, layer);
  const Results alone = check_variant(kernel, desc, layer, expected, {Against::end, 1});
  const Results two = check_variant(kernel, desc, layer, expected, {Against::start, 2});
  if (kernel.threaded) {
    const Results three = check_variant(kernel, desc, layer, expected, {Against::end, 3});
    INFO(kernel.name << ": " << desc.text());
    CHECK(two == alone);
    CHECK(three == alone);
  }
  check_bounded(table, kernel, desc, layer, expected);
  if (is_time_for_special(name)) check_special(kernel, desc, checked.special());
  const std::uint32_t in_place = in_place_inputs(kernel, desc);
  for (std::size_t i = 0; i < desc.inputs.size(); ++i) {
    const TensorDesc& in = desc.inputs[i];
    const bool fits = !in.constant && in.shape == desc.outputs[0].shape &&
                      in.format.type == desc.outputs[0].format.type &&
                      in.format.layout == desc.outputs[0].format.layout;
    if ((in_place >> i & 1) != 0 && fits)
      check_variant(kernel, desc, layer, expected, {Against::end, 1, static_cast<int>(i)});
  }
  for (TensorDesc& tensor : desc.inputs) stretch(tensor, kernel.input_striding);
  for (TensorDesc& tensor : desc.outputs) stretch(tensor, kernel.output_striding);
  const bool strided = kernel.input_striding != Striding::dense || kernel.output_striding != Striding::dense;
  if (strided && table.check(kernel, desc) == Refusal::none)
    check_variant(kernel, desc, layer, expected, {Against::end, 2});
}

void check_layer(const TestLayer& layer) {
  static const KernelTable table({}, tested_cpu());
  Checked checked(layer);
  for (const Kernel* kernel : tested_entries()) {
    if (!has_pattern(*kernel, layer.desc)) continue;
    for (const Signature& signature : kernel->signatures) {
      check_signature(table, *kernel, signature, this_cpu().isa, checked);
      // Blocks of channels may be smaller on a CPU that has this entry's instructions and no more.
      const bool blocked =
          signature.input.layout == Layout::nchwc || signature.output.layout == Layout::nchwc;
      if (blocked && channel_block(kernel->isa) < channel_block(this_cpu().isa))
        check_signature(table, *kernel, signature, kernel->isa, checked);
    }
  }
}

// Layers that are always the same and reach every entry, and as many that are new every day.
void check_family(void (*family)(Random&, int, const Visit&), int count) {
  const std::uint32_t seed = seed_of_the_day();
  INFO("again with FETTLE_TEST_SEED=" << seed);
  Random fixed(1);
  family(fixed, count, check_layer);
  if (quick()) return;
  Random daily(seed);
  family(daily, count, check_layer);
}

}  // namespace

TEST_CASE("convolutions and pooling", "[kernels]") { check_family(visit_windows, 24); }
TEST_CASE("dense layers and products of matrices", "[kernels]") { check_family(visit_products, 8); }
TEST_CASE("layers with many weights", "[kernels]") { check_family(visit_many_weights, 1); }
TEST_CASE("elementwise operators", "[kernels]") { check_family(visit_elementwise, 6); }
TEST_CASE("reductions and normalisations", "[kernels]") { check_family(visit_reductions, 8); }
TEST_CASE("operators that move numbers", "[kernels]") { check_family(visit_movement, 8); }
TEST_CASE("casts and moves of 16 and fewer bits", "[kernels]") { check_family(visit_narrow, 2); }
TEST_CASE("operators that index and choose", "[kernels]") { check_family(visit_choosing, 6); }
TEST_CASE("operators that sample pictures and signals", "[kernels]") { check_family(visit_sampling, 6); }
TEST_CASE("operators of transformers", "[kernels]") { check_family(visit_attention, 12); }
TEST_CASE("recurrent operators", "[kernels]") { check_family(visit_recurrent, 3); }
TEST_CASE("regions", "[kernels]") { check_family(visit_regions, 12); }
TEST_CASE("regions of two convolutions", "[kernels]") { check_family(visit_pairs, 12); }
TEST_CASE("inverted residuals", "[kernels]") { check_family(visit_inverted_residuals, 6); }

TEST_CASE("quantised layers", "[kernels]") { check_family(visit_quantised, 12); }

TEST_CASE("every entry of the table has been run by itself and with each epilogue", "[kernels]") {
  if (runs().empty()) SKIP("the other cases have not been run");
  for (const Kernel* kernel : tested_entries()) {
    if (!has_all(tested_cpu().isa, kernel->isa)) continue;  // this machine cannot
    const auto check = [&](const std::string& name) {
      INFO(name);
      CHECK(runs()[name] > 0);
      CHECK((!kernel->packed_for_any_size || sizes()[name] > 0));
    };
    check(std::string(kernel->name));
    for (const std::span<const Op> epilogue : kernel->epilogues) {
      std::string name(kernel->name);
      for (const Op op : epilogue) name.append("+").append(to_string(op));
      check(name);
    }
  }
}

TEST_CASE("every fast entry that learns extents has been told some", "[kernels]") {
  if (runs().empty()) SKIP("the other cases have not been run");
  for (const Kernel* kernel : tested_entries()) {
    const bool asked = kernel->bounded_axes != BoundedAxes::none && !kernels::is_reference(*kernel) &&
                       extents_result(kernel->pattern.front(), 0) < 0;
    if (!asked || !has_all(tested_cpu().isa, kernel->isa)) continue;
    INFO(kernel->name);
    CHECK(told()[std::string(kernel->name)] > 0);
  }
}

TEST_CASE("entries are complete and their names are unique", "[kernels]") {
  std::set<std::string_view> names;
  for (const Kernel* kernel : tested_entries()) {
    INFO(kernel->name);
    CHECK(names.insert(kernel->name).second);
    CHECK_FALSE(kernel->pattern.empty());
    CHECK_FALSE(kernel->signatures.empty());
    CHECK(kernel->supports != nullptr);
    CHECK(kernel->bind != nullptr);
    CHECK((kernel->pack == nullptr) == (kernel->packed_bytes == nullptr));
    CHECK(runtime::is_complete(kernel));
    std::set<std::vector<Op>> epilogues;
    for (const std::span<const Op> epilogue : kernel->epilogues)
      CHECK(epilogues.insert({epilogue.begin(), epilogue.end()}).second);
  }
}

}  // namespace fettle::test
