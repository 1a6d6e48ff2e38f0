// SPDX-License-Identifier: Apache-2.0
#include "lib/onnx/scope.h"

#include "lib/onnx/tensor.h"

#include <utility>

namespace fettle::onnx_import {

Error invalid(const std::string& what) {
  return {ErrorCode::kModelInvalid, what, "the file is damaged; export it again"};
}

Status Scope::define(graph::Value value) {
  if (value.name.empty()) return invalid("a value has no name");
  const std::string key = value.name;
  value.name = prefix_ + key;
  const graph::ValueId id = graph_.add_value(std::move(value));
  if (!values_.emplace(key, id).second) return invalid("the value " + key + " is made twice");
  return {};
}

Status Scope::name(const std::string& name, graph::ValueId value) {
  if (name.empty()) return invalid("a value has no name");
  if (!values_.emplace(name, value).second) return invalid("the value " + name + " is named twice");
  return {};
}

Status Scope::define_initialisers(const onnx::GraphProto& source, const std::string& where,
                                  ImportState& state) {
  for (const onnx::SparseTensorProto& tensor : source.sparse_initializer()) {
    const std::string& name = tensor.values().name();
    if (Status status = define_unusable(name, "is stored sparsely: store it densely"); !status) return status;
  }
  for (const onnx::TensorProto& tensor : source.initializer()) {
    if (std::string reason = onnx_import::unusable(tensor); !reason.empty()) {
      if (Status status = define_unusable(tensor.name(), std::move(reason)); !status) return status;
      continue;
    }
    Result<ImportedTensor> imported =
        import_tensor(tensor, where + "initialiser " + tensor.name(), state.limits, state.files);
    if (!imported) return std::move(imported).error();
    graph::Value value;
    value.name = tensor.name();
    value.type = imported->type;
    value.shape = imported->shape;
    value.constant = std::move(imported->constant);
    if (Status status = define(std::move(value)); !status) return status;
  }
  return {};
}

Status Scope::define_unusable(const std::string& name, std::string reason) {
  graph::Value value;
  value.name = name;
  if (Status status = define(std::move(value)); !status) return status;
  mark_unusable(values_.at(name), std::move(reason));
  return {};
}

const std::string* Scope::unusable(graph::ValueId value) const {
  const auto found = unusable_.find(value);
  return found == unusable_.end() ? nullptr : &found->second;
}

// As deep as graphs are nested, which import bounds.
graph::ValueId Scope::find(const std::string& name) {
  if (const auto own = values_.find(name); own != values_.end()) return own->second;
  if (outer_ == nullptr) return graph::kNoValue;
  const graph::ValueId outside = outer_->find(name);
  if (outside == graph::kNoValue) return graph::kNoValue;
  graph::Value value;
  value.name = name;
  const graph::ValueId inside = graph_.add_value(std::move(value));
  graph_.inputs.push_back(inside);
  captures_.push_back(outside);
  if (const std::string* reason = outer_->unusable(outside)) mark_unusable(inside, *reason);
  values_.emplace(name, inside);
  return inside;
}

}  // namespace fettle::onnx_import
