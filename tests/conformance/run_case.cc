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

// Integer operands that say what a layer is, not what it works on. The backend tests give them as inputs.
constexpr struct {
  const char* op;
  int first;
  int last;
} kParameters[] = {{"Reshape", 1, 1},
                   {"Expand", 1, 1},
                   {"Tile", 1, 1},
                   {"Slice", 1, 4},
                   {"Pad", 1, 1},
                   {"Squeeze", 1, 1},
                   {"Unsqueeze", 1, 1},
                   {"Split", 1, 1},
                   {"ReduceSum", 1, 1},
                   {"Resize", 3, 3},
                   {"TopK", 1, 1},
                   {"OneHot", 1, 1},
                   {"ConstantOfShape", 0, 0},
                   {"Range", 0, 2},
                   {"NonMaxSuppression", 2, 2},
                   {"CumSum", 1, 1},
                   {"Trilu", 1, 1},
                   {"HannWindow", 0, 0},
                   {"HammingWindow", 0, 0},
                   {"BlackmanWindow", 0, 0},
                   {"DFT", 1, 1},
                   {"STFT", 1, 1},
                   {"STFT", 3, 3},
                   {"MelWeightMatrix", 0, 2},
                   {"Loop", 0, 0},
                   {"MaxUnpool", 2, 2}};

bool is_parameter(const InputUse& use, DataType type) {
  const bool integer = type == DataType::s64 || type == DataType::s32;
  return integer && std::any_of(std::begin(kParameters), std::end(kParameters), [&](const auto& row) {
           return use.op == row.op && use.operand >= row.first && use.operand <= row.last;
         });
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

ModelOptions options_for(const Case& test, bool bind, std::vector<std::string>& bound) {
  ModelOptions options;
  const DataSet& data = test.data.front();
  for (std::size_t i = 0; i < data.inputs.size(); ++i) {
    const CaseTensor& input = data.inputs[i];
    if (bind && is_parameter(test.uses[i], input.type)) {
      options.constants[input.name] = {input.type, input.shape, input.bytes, {}};
      bound.push_back(test.uses[i].op + " operand " + std::to_string(test.uses[i].operand));
    } else {
      options.shapes[input.name] = input.shape;
    }
  }
  return options;
}

CaseResult attempt(const Case& test, bool bind) {
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
      return {Outcome::failed, std::move(problem), std::move(bound)};
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
  CaseResult result = attempt(test, false);
  if (result.outcome != Outcome::refused) return result;
  CaseResult bound = attempt(test, true);
  return bound.outcome == Outcome::refused ? result : bound;
}

}  // namespace fettle::test
