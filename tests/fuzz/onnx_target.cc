// SPDX-License-Identifier: Apache-2.0
//
// Bytes as an ONNX file: parsing, passes, compiling and running. Whatever they are, there is a model or an
// error that says why not, in bounded time and memory.
#include "tests/fuzz/run_model.h"
#include "tests/fuzz/target.h"

#include <fettle/model.h>

#include <algorithm>
#include <span>
#include <string>

namespace fettle::fuzz {
namespace {

// Tight, so that what exceeds them is seen as what it is: an allocation or a loop that no limit bounds.
ModelOptions limits() {
  ModelOptions options;
  options.limits.file_bytes = std::size_t{1} << 20;
  options.limits.nodes = 200;
  options.limits.tensor_elements = 1 << 14;
  options.limits.folded_bytes = std::size_t{1} << 18;
  options.limits.folding_operations = 1 << 20;
  return options;
}

// A network that is written is read again, with the same inputs and outputs.
void write_and_read(const Model& model) {
  const Result<std::string> bytes = model.onnx();
  if (!bytes) {
    require(bytes.error().code() == ErrorCode::kModelUnsupported, bytes.error().text());
    return;
  }
  const Result<Model> again = Model::parse(std::as_bytes(std::span(bytes->data(), bytes->size())), "written");
  if (!again) fail("what is written cannot be read: " + again.error().text());
  const auto same = [](const TensorInfo& a, const TensorInfo& b) {
    return a.name == b.name && a.shape == b.shape && a.type == b.type;
  };
  require(std::ranges::equal(model.inputs(), again->inputs(), same), "inputs are written otherwise");
  require(std::ranges::equal(model.outputs(), again->outputs(), same), "outputs are written otherwise");
}

void try_model(std::span<const std::byte> bytes) {
  const Result<Model> model = Model::parse(bytes, "fuzzed", limits());
  if (!model) {
    require(!model.error().message().empty(), "an error without a message");
    require(model.error().code() != ErrorCode::kInternal, model.error().message());
    return;
  }
  for (const TensorInfo& output : model->outputs()) {
    require(output.type != DataType::undefined, "an output without a type");
    require(output.bytes <= (std::size_t{1} << 14) * 8, "an output beyond the limits");
  }
  write_and_read(*model);
  compile_and_run(*model);
}

}  // namespace
}  // namespace fettle::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fettle::fuzz::try_model(std::as_bytes(std::span(data, size)));
  return 0;
}
