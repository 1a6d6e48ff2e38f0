// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/cases.h"

#include "lib/onnx/tensor.h"

#include <onnx.pb.h>

#include <algorithm>
#include <fstream>
#include <iterator>

namespace fettle::test {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(ErrorCode::kFileUnreadable, "cannot read " + path.string());
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// A tensor of a file; `type` stays undefined where the file holds something else (a sequence, strings).
Result<CaseTensor> read_tensor(const fs::path& path, const std::string& name) {
  CaseTensor tensor;
  tensor.name = name;
  Result<std::string> bytes = read_file(path);
  if (!bytes) return std::move(bytes).error();
  onnx::TensorProto proto;
  if (!proto.ParseFromString(*bytes)) return tensor;
  const ModelLimits limits;
  onnx_import::ExternalFiles none("", limits);
  Result<onnx_import::ImportedTensor> imported = onnx_import::import_tensor(proto, name, limits, none);
  if (!imported) return tensor;
  tensor.type = imported->type;
  tensor.shape = imported->shape;
  tensor.bytes.assign(imported->constant->bytes.begin(), imported->constant->bytes.end());
  return tensor;
}

Status read_tensors(const fs::path& folder, const std::string& kind, const std::vector<std::string>& names,
                    std::vector<CaseTensor>& tensors) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    const fs::path path = folder / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(path)) break;
    Result<CaseTensor> tensor = read_tensor(path, names[i]);
    if (!tensor) return std::move(tensor).error();
    tensors.push_back(*std::move(tensor));
  }
  return {};
}

InputUse first_use(const onnx::GraphProto& graph, const std::string& name) {
  for (const onnx::NodeProto& node : graph.node()) {
    for (int i = 0; i < node.input_size(); ++i) {
      if (node.input(i) == name) return {node.op_type(), i};
    }
  }
  return {};
}

void describe(const onnx::GraphProto& graph, Case& result, std::vector<std::string>& outputs) {
  std::set<std::string> initialisers;
  for (const onnx::TensorProto& tensor : graph.initializer()) initialisers.insert(tensor.name());
  for (const onnx::NodeProto& node : graph.node())
    result.operators.insert(node.domain().empty() ? node.op_type() : node.domain() + "." + node.op_type());
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (initialisers.contains(input.name())) continue;
    result.inputs.push_back(input.name());
    result.uses.push_back(first_use(graph, input.name()));
  }
  for (const onnx::ValueInfoProto& output : graph.output()) outputs.push_back(output.name());
}

}  // namespace

std::vector<fs::path> case_folders(const fs::path& root) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (const fs::directory_entry& kind : fs::directory_iterator(root, error)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(kind.path(), error)) {
      if (fs::exists(entry.path() / "model.onnx")) folders.push_back(entry.path());
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

Result<Case> read_case(const fs::path& folder) {
  Case result;
  result.name = folder.parent_path().filename().string() + "/" + folder.filename().string();
  Result<std::string> model = read_file(folder / "model.onnx");
  if (!model) return std::move(model).error();
  const auto bytes = std::as_bytes(std::span(*model));
  result.model.assign(bytes.begin(), bytes.end());
  onnx::ModelProto proto;
  if (!proto.ParseFromString(*model))
    return Error(ErrorCode::kModelMalformed, result.name + ": model.onnx cannot be parsed");
  std::vector<std::string> outputs;
  describe(proto.graph(), result, outputs);
  for (int set = 0;; ++set) {
    const fs::path data = folder / ("test_data_set_" + std::to_string(set));
    if (!fs::exists(data)) break;
    DataSet read;
    if (Status status = read_tensors(data, "input", result.inputs, read.inputs); !status)
      return std::move(status).error();
    if (Status status = read_tensors(data, "output", outputs, read.outputs); !status)
      return std::move(status).error();
    result.data.push_back(std::move(read));
  }
  return result;
}

}  // namespace fettle::test
