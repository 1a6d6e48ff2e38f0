// SPDX-License-Identifier: Apache-2.0
//
// Models from files and from memory.
#include <fettle/model.h>

#include "lib/base/float_mode.h"
#include "lib/base/guard.h"
#include "lib/base/mapped_file.h"
#include "lib/model/model_state.h"

#if FETTLE_WITH_ONNX
#include "lib/onnx/reader.h"
#endif

#include <utility>

namespace fettle {
namespace {

std::string stem(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (const std::size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0) name.resize(dot);
  return name;
}

// The folder that a file is in; "." where the path names none.
std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<graph::Imported> import(std::span<const std::byte> bytes, const std::string& name,
                               const std::string& folder, const ModelOptions& options) {
#if FETTLE_WITH_ONNX
  return onnx_import::read(bytes, name, folder, options);
#else
  static_cast<void>(bytes);
  static_cast<void>(folder);
  static_cast<void>(options);
  return Error(ErrorCode::kNotCompiledIn, name + ": this build cannot read ONNX files",
               "build with FETTLE_ONNX=ON");
#endif
}

Result<Model> build(std::span<const std::byte> bytes, const std::string& path, const std::string& name,
                    const std::string& folder, const ModelOptions& options) {
  const FloatScope scope(FloatMode::standard(Subnormals::keep));  // of weights, nothing is lost here
  Result<graph::Imported> imported = import(bytes, path, folder, options);
  if (!imported) return std::move(imported).error();
  return runtime::make_model(*std::move(imported), name, options);
}

}  // namespace

Result<Model> Model::load(const std::string& path, const ModelOptions& options) {
  return guard_allocation([&]() -> Result<Model> {
    Result<std::shared_ptr<const MappedFile>> file = MappedFile::open(path, options.limits.file_bytes);
    if (!file) return std::move(file).error();
    return build((*file)->bytes(), path, stem(path), folder_of(path), options);
  });
}

Result<Model> Model::parse(std::span<const std::byte> bytes, const std::string& name,
                           const ModelOptions& options) {
  return guard_allocation([&]() -> Result<Model> {
    if (bytes.size() > options.limits.file_bytes)
      return Error(ErrorCode::kLimitExceeded, name + " has " + std::to_string(bytes.size()) +
                                                  " bytes, more than ModelLimits::file_bytes");
    return build(bytes, name, name, "", options);
  });
}

Result<Model> Model::with_shapes(const std::map<std::string, Shape>& shapes) const {
  return guard_allocation([&] {
    const FloatScope scope(FloatMode::standard(Subnormals::keep));
    return runtime::reshape_model(*this, shapes);
  });
}

Result<Model> Model::quantised(const Quantisation& quantisation) const {
  return guard_allocation([&] {
    const FloatScope scope(FloatMode::standard(Subnormals::keep));
    return runtime::quantise_model(*this, std::make_shared<const Quantisation>(quantisation));
  });
}

const std::shared_ptr<const Quantisation>& Model::quantisation() const noexcept {
  return state_->quantisation;
}

std::string_view Model::value_name(int value) const noexcept {
  const graph::Graph& graph = *state_->graph;
  const bool known = value >= 0 && static_cast<std::size_t>(value) < graph.value_count();
  return known ? std::string_view(graph.value(value).name) : std::string_view();
}

int Model::input_value(std::size_t input) const noexcept { return state_->graph->inputs[input]; }

std::vector<ConstantBytes> Model::constants(std::size_t layer) const {
  const graph::Graph& graph = *state_->graph;
  std::vector<ConstantBytes> constants;
  for (const graph::ValueId input : graph.node(state_->layer_nodes[layer]).inputs) {
    if (input == graph::kNoValue) continue;
    const auto& constant = graph.value(input).constant;
    constants.push_back(constant ? constant->bytes : ConstantBytes{});
  }
  return constants;
}

const std::string& Model::name() const noexcept { return state_->source->name; }
std::span<const TensorInfo> Model::inputs() const noexcept { return state_->inputs; }
std::span<const TensorInfo> Model::outputs() const noexcept { return state_->outputs; }
const std::string& Model::graph_hash() const noexcept { return state_->source->graph_hash; }
const std::string& Model::weights_hash() const noexcept { return state_->source->weights_hash; }
std::span<const LayerInfo> Model::layers() const noexcept { return state_->layers; }
std::size_t Model::constant_bytes() const noexcept { return state_->constant_bytes; }
std::int64_t Model::opset() const noexcept { return state_->source->opset; }
std::span<const std::string> Model::notes() const noexcept { return state_->notes; }
std::span<const std::string_view> Model::folding_kernels() const noexcept { return state_->folding_kernels; }
std::size_t Model::imported_nodes() const noexcept { return state_->source->imported_nodes; }
std::span<const PassInfo> Model::passes() const noexcept { return state_->passes; }

}  // namespace fettle
