// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/run_case.h"

#include "kernels/reference/numbers.h"

#include <fettle/runtime.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>

namespace fettle::test {
namespace {

using kernels::reference::load;

// Operands that say what a layer is, not what it works on. The backend tests give them as inputs.
constexpr struct {
  const char* op;
  int first;
  int last;
} kParameters[] = {{"Reshape", 1, 1},
                   {"Expand", 1, 1},
                   {"Tile", 1, 1},
                   {"Slice", 1, 4},
                   {"Pad", 1, 1},
                   {"Pad", 3, 3},
                   {"CenterCropPad", 1, 1},
                   {"Squeeze", 1, 1},
                   {"Unsqueeze", 1, 1},
                   {"Split", 1, 1},
                   {"ReduceSum", 1, 1},
                   {"ReduceMean", 1, 1},
                   {"ReduceMax", 1, 1},
                   {"ReduceMin", 1, 1},
                   {"ReduceProd", 1, 1},
                   {"ReduceL1", 1, 1},
                   {"ReduceL2", 1, 1},
                   {"ReduceSumSquare", 1, 1},
                   {"ReduceLogSum", 1, 1},
                   {"ReduceLogSumExp", 1, 1},
                   {"Upsample", 1, 1},
                   {"Resize", 1, 3},
                   {"Col2Im", 1, 2},
                   {"AffineGrid", 1, 1},
                   {"TopK", 1, 1},
                   {"OneHot", 1, 1},
                   {"ConstantOfShape", 0, 0},
                   {"Range", 0, 2},
                   {"CumSum", 1, 1},
                   {"Trilu", 1, 1},
                   {"HannWindow", 0, 0},
                   {"HammingWindow", 0, 0},
                   {"BlackmanWindow", 0, 0},
                   {"DFT", 1, 2},
                   {"STFT", 1, 1},
                   {"STFT", 3, 3},
                   {"MelWeightMatrix", 0, 2},
                   {"Dropout", 1, 2},
                   {"If", 0, 0},
                   {"Loop", 0, 1},
                   {"MaxUnpool", 2, 2}};

bool is_parameter(const InputUse& use) {
  return std::any_of(std::begin(kParameters), std::end(kParameters), [&](const auto& row) {
    return use.op == row.op && use.operand >= row.first && use.operand <= row.last;
  });
}

// What the bodies of ONNX's functions compute such operands from, by many steps.
bool may_be_parameter(const CaseTensor& input) {
  const bool counts = input.type == DataType::s64 || input.type == DataType::s32;
  return input.shape.rank() == 0 || (counts && input.shape.rank() == 1);
}

constexpr char kCorners[] =
    "the data stretch the corners to scale * extent, which is no whole number; length_resized in the text of "
    "Resize is the length of the result, whose last element then is the operand's last (onnx/onnx#2462, "
    "where the "
    "data are said to be intended)";
constexpr char kRounded[] =
    "in ten places, where the transform is zero, the data have the rounding of f32, 1.9e-7, which is larger "
    "than the tolerance, beside results of 54";
constexpr char kSaturated[] =
    "the data wrap around where QuantizeLinear, which the operator ends with, saturates, as later data do "
    "(onnx/onnx#7868)";

// Cases whose data ONNX's text or plain arithmetic contradicts, which decide.
constexpr struct {
  const char* name;
  const char* reason;
} kContested[] = {
    {"node/test_l2normalization_axis_0",
     "where the norm is zero the data have NaN, the text of LpNormalization zero, as later data do "
     "(onnx/onnx#7618)"},
    {"node/test_resize_downsample_scales_cubic_align_corners", kCorners},
    {"node/test_resize_downsample_scales_linear_align_corners", kCorners},
    {"node/test_dft_inverse", kRounded},
    {"node/test_dft_inverse_opset19", kRounded},
    {"node/test_qlinearmatmul_2D_int8_float16", kSaturated},
    {"node/test_qlinearmatmul_2D_int8_float32", kSaturated},
    {"node/test_qlinearmatmul_3D_int8_float16", kSaturated},
    {"node/test_qlinearmatmul_3D_int8_float32", kSaturated},
};

const char* contested(const std::string& name) {
  for (const auto& row : kContested) {
    if (name == row.name) return row.reason;
  }
  return nullptr;
}

CaseResult refusal(const Error& error) {
  const ErrorCode code = error.code();
  const bool at_load = code == ErrorCode::kModelUnsupported || code == ErrorCode::kWrongShape;
  // The reason of the first node: what follows its name, in the line after the heading.
  std::string reason = error.message();
  if (const std::size_t line = reason.find('\n'); line != std::string::npos) {
    reason = reason.substr(line + 1);
    reason = reason.substr(0, reason.find('\n'));
    if (const std::size_t bracket = reason.find('('); bracket != std::string::npos)
      reason = reason.substr(bracket);
  } else if (const std::size_t colon = reason.find(": "); colon != std::string::npos) {
    reason = reason.substr(colon + 2);
  }
  return {at_load ? Outcome::refused : Outcome::failed, reason, {}};
}

// The tolerances of ONNX's own runner; bfloat16, which the cases round towards zero, within its last digit.
bool close(double got, double expected, DataType type) {
  if (std::isnan(got) || std::isnan(expected)) return std::isnan(got) && std::isnan(expected);
  if (got == expected) return true;
  return std::abs(got - expected) <= 1e-7 + (type == DataType::bf16 ? 1.0 / 128 : 1e-3) * std::abs(expected);
}

// The cases keep bfloat16 as the integers of its bits.
bool same_type(DataType planned, DataType given) {
  return planned == given || (planned == DataType::bf16 && given == DataType::u16);
}

std::optional<std::string> difference(const TensorView& got, const CaseTensor& expected) {
  if (!same_type(got.type(), expected.type))
    return expected.name + " is " + std::string(to_string(got.type())) + ", not " +
           std::string(to_string(expected.type));
  if (!(got.shape() == expected.shape))
    return expected.name + " is " + got.shape().text() + ", not " + expected.shape.text();
  for (std::int64_t i = 0; i < expected.shape.elements(); ++i) {
    const double value = load<double>(got.type(), got.bytes().data(), i);
    const double wanted = load<double>(got.type(), expected.bytes.data(), i);
    if (!close(value, wanted, got.type()))
      return expected.name + "[" + std::to_string(i) + "] is " + std::to_string(value) + ", not " +
             std::to_string(wanted);
  }
  return std::nullopt;
}

// An empty text when all outputs are right.
std::string run_set(Runtime& runtime, const DataSet& data) {
  for (const CaseTensor& input : data.inputs) {
    Result<TensorView> view = runtime.input(input.name);
    if (!view) continue;  // bound
    if (!same_type(view->type(), input.type) || !(view->shape() == input.shape))
      return "input " + input.name + " is planned as " + view->shape().text();
    if (Status status = view->copy_from(input.bytes); !status) return status.error().message();
  }
  if (Status status = runtime.run(); !status) return status.error().message();
  for (std::size_t i = 0; i < data.outputs.size(); ++i) {
    if (const auto different = difference(runtime.output(i), data.outputs[i])) return *different;
  }
  return {};
}

// Which inputs are made constants.
enum class Bind { none, parameters, whatever_counts };

ModelOptions options_for(const Case& test, Bind bind, std::vector<std::string>& bound) {
  ModelOptions options;
  const DataSet& data = test.data.front();
  for (std::size_t i = 0; i < data.inputs.size(); ++i) {
    const CaseTensor& input = data.inputs[i];
    if ((bind != Bind::none && is_parameter(test.uses[i])) ||
        (bind == Bind::whatever_counts && may_be_parameter(input))) {
      options.constants[input.name] = {input.type, input.shape, input.bytes, {}};
      bound.push_back(test.uses[i].op + " operand " + std::to_string(test.uses[i].operand));
    } else {
      options.shapes[input.name] = input.shape;
    }
  }
  return options;
}

CaseResult wrong(const Case& test, std::string problem, std::vector<std::string> bound) {
  if (const char* reason = contested(test.name)) return {Outcome::contested, reason, std::move(bound)};
  return {Outcome::failed, std::move(problem), std::move(bound)};
}

CaseResult attempt(const Case& test, Bind bind) {
  std::vector<std::string> bound;
  const ModelOptions options = options_for(test, bind, bound);
  Result<Model> model = Model::parse(test.model, test.name, options);
  if (!model) return refusal(model.error());
  Result<Program> program = Program::compile(*model, nullptr, {});
  if (!program) return refusal(program.error());
  Result<Runtime> runtime = Runtime::create(*program);
  if (!runtime) return refusal(runtime.error());
  for (const DataSet& data : test.data) {
    if (std::string problem = run_set(*runtime, data); !problem.empty())
      return wrong(test, std::move(problem), std::move(bound));
  }
  return {model->layers().empty() ? Outcome::folded : Outcome::passed, {}, std::move(bound)};
}

}  // namespace

CaseResult run_case(const Case& test) {
  if (test.data.empty()) return {Outcome::failed, "has no data", {}};
  for (const DataSet& data : test.data) {
    for (const auto* tensors : {&data.inputs, &data.outputs}) {
      const bool known = std::all_of(tensors->begin(), tensors->end(), [](const CaseTensor& tensor) {
        return tensor.type != DataType::undefined;
      });
      // The model must be refused all the same: what its values are cannot be held.
      if (!known) {
        const Result<Model> model = Model::parse(test.model, test.name);
        return model ? CaseResult{Outcome::failed, "loads, though its data are no tensors", {}}
                     : refusal(model.error());
      }
    }
  }
  CaseResult result = attempt(test, Bind::none);
  for (const Bind bind : {Bind::parameters, Bind::whatever_counts}) {
    if (result.outcome != Outcome::refused) return result;
    CaseResult bound = attempt(test, bind);
    if (bound.outcome != Outcome::refused) return bound;
  }
  return result;
}

std::optional<ModelOptions> options_that_load(const Case& test) {
  if (test.data.empty()) return std::nullopt;
  for (const CaseTensor& input : test.data.front().inputs) {
    if (input.type == DataType::undefined) return std::nullopt;
  }
  for (const Bind bind : {Bind::none, Bind::parameters, Bind::whatever_counts}) {
    std::vector<std::string> bound;
    ModelOptions options = options_for(test, bind, bound);
    if (Model::parse(test.model, test.name, options)) return options;
  }
  return std::nullopt;
}

}  // namespace fettle::test
