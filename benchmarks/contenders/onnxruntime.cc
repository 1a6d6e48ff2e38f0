// SPDX-License-Identifier: Apache-2.0
//
// ONNX Runtime through its C interface, opened at run time.
#include "benchmarks/contenders/contender.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

namespace fettle::benchmarks {
namespace {

// The oldest interface that has what is called here, so that libraries of several versions will do.
constexpr std::uint32_t kInterface = 12;

class OnnxRuntime final : public Contender {
 public:
  explicit OnnxRuntime(const OrtApi* api) : api_(api) {}
  ~OnnxRuntime() override {
    release_inputs();
    for (OrtValue* value : outputs_) api_->ReleaseValue(value);
    if (session_ != nullptr) api_->ReleaseSession(session_);
    if (memory_ != nullptr) api_->ReleaseMemoryInfo(memory_);
    if (environment_ != nullptr) api_->ReleaseEnv(environment_);
  }

  // With a prefix, a file of that name's beginning will hold a profile.
  Status open(const Task& task, const std::string& profile_prefix = {}) {
    OrtSessionOptions* options = nullptr;
    Status status = all({api_->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "compare", &environment_),
                         api_->CreateCpuMemoryInfo(OrtArenaAllocator, OrtMemTypeDefault, &memory_),
                         api_->CreateSessionOptions(&options)});
    if (!status) return status;
    if (!profile_prefix.empty()) status = check(api_->EnableProfiling(options, profile_prefix.c_str()));
    if (!status) return status;
    status = all({api_->SetSessionGraphOptimizationLevel(options, ORT_ENABLE_ALL),
                  api_->SetIntraOpNumThreads(options, task.threads), api_->SetInterOpNumThreads(options, 1),
                  api_->SetSessionExecutionMode(options, ORT_SEQUENTIAL),
                  api_->CreateSession(environment_, task.model_path.c_str(), options, &session_)});
    api_->ReleaseSessionOptions(options);
    if (!status) return status;
    OrtAllocator* allocator = nullptr;
    std::size_t inputs = 0;
    std::size_t outputs = 0;
    status =
        all({api_->GetAllocatorWithDefaultOptions(&allocator), api_->SessionGetInputCount(session_, &inputs),
             api_->SessionGetOutputCount(session_, &outputs)});
    if (!status) return status;
    for (std::size_t i = 0; i < inputs; ++i) {
      if (status = add_name(allocator, api_->SessionGetInputName, i, input_names_); !status) return status;
    }
    for (std::size_t i = 0; i < outputs; ++i) {
      if (status = add_name(allocator, api_->SessionGetOutputName, i, output_names_); !status) return status;
    }
    input_pointers_ = pointers(input_names_);
    output_pointers_ = pointers(output_names_);
    outputs_.assign(outputs, nullptr);
    return {};
  }

  Status set_inputs(const std::vector<Values>& inputs) override {
    release_inputs();
    data_ = inputs;
    for (std::size_t i = 0; i < input_names_.size(); ++i) {
      Result<std::vector<std::int64_t>> shape = input_shape(i);
      if (!shape) return std::move(shape).error();
      OrtValue* value = nullptr;
      const Status status = check(api_->CreateTensorWithDataAsOrtValue(
          memory_, data_.at(i).data(), data_[i].size() * sizeof(float), shape->data(), shape->size(),
          ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, &value));
      if (!status) return status;
      inputs_.push_back(value);
    }
    return {};
  }
  // The first run allocates the outputs; later ones write into them.
  Status run() override {
    return check(api_->Run(session_, nullptr, input_pointers_.data(), inputs_.data(), inputs_.size(),
                           output_pointers_.data(), outputs_.size(), outputs_.data()));
  }
  // Ends the profile and gives the file's name.
  Result<std::string> end_profile() {
    OrtAllocator* allocator = nullptr;
    char* name = nullptr;
    if (Status status = check(api_->GetAllocatorWithDefaultOptions(&allocator)); !status)
      return std::move(status).error();
    if (Status status = check(api_->SessionEndProfiling(session_, allocator, &name)); !status)
      return std::move(status).error();
    std::string path = name;
    if (Status status = check(api_->AllocatorFree(allocator, name)); !status)
      return std::move(status).error();
    return path;
  }
  std::vector<Values> outputs() override {
    std::vector<Values> all;
    for (OrtValue* value : outputs_) {
      OrtTensorTypeAndShapeInfo* info = nullptr;
      std::size_t count = 0;
      void* data = nullptr;
      if (check(api_->GetTensorTypeAndShape(value, &info)) &&
          check(api_->GetTensorShapeElementCount(info, &count)) &&
          check(api_->GetTensorMutableData(value, &data)))
        all.emplace_back(static_cast<float*>(data), static_cast<float*>(data) + count);
      api_->ReleaseTensorTypeAndShapeInfo(info);
    }
    return all;
  }

 private:
  Status check(OrtStatus* status) const {
    if (status == nullptr) return {};
    Error error(ErrorCode::kKernelFailed, std::string("ONNX Runtime: ") + api_->GetErrorMessage(status));
    api_->ReleaseStatus(status);
    return error;
  }
  // The first failure of several calls.
  Status all(std::initializer_list<OrtStatus*> calls) const {
    Status first;
    for (OrtStatus* call : calls) {
      Status status = check(call);
      if (first && !status) first = std::move(status);
    }
    return first;
  }
  template <typename Name>
  Status add_name(OrtAllocator* allocator, Name name, std::size_t index,
                  std::vector<std::string>& names) const {
    char* text = nullptr;
    if (Status status = check(name(session_, index, allocator, &text)); !status) return status;
    names.emplace_back(text);
    return check(api_->AllocatorFree(allocator, text));
  }
  static std::vector<const char*> pointers(const std::vector<std::string>& names) {
    std::vector<const char*> all;
    for (const std::string& name : names) all.push_back(name.c_str());
    return all;
  }
  void release_inputs() {
    for (OrtValue* value : inputs_) api_->ReleaseValue(value);
    inputs_.clear();
  }
  Result<std::vector<std::int64_t>> input_shape(std::size_t index) const {
    OrtTypeInfo* type = nullptr;
    const OrtTensorTypeAndShapeInfo* info = nullptr;
    std::size_t rank = 0;
    if (Status status = check(api_->SessionGetInputTypeInfo(session_, index, &type)); !status)
      return std::move(status).error();
    Status status = all({api_->CastTypeInfoToTensorInfo(type, &info), api_->GetDimensionsCount(info, &rank)});
    std::vector<std::int64_t> shape(rank);
    if (status) status = check(api_->GetDimensions(info, shape.data(), rank));
    api_->ReleaseTypeInfo(type);
    if (!status) return std::move(status).error();
    return shape;
  }

  const OrtApi* api_;
  OrtEnv* environment_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
  OrtSession* session_ = nullptr;
  std::vector<std::string> input_names_, output_names_;
  std::vector<const char*> input_pointers_, output_pointers_;
  std::vector<Values> data_;
  std::vector<OrtValue*> inputs_, outputs_;
};

Result<const OrtApi*> open_library(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    return Error(ErrorCode::kNotCompiledIn, "ONNX Runtime cannot be opened: " + std::string(dlerror()),
                 "get it with scripts/bootstrap --with-benchmarks, or name it with --onnxruntime");
  }
  const auto base = reinterpret_cast<const OrtApiBase* (*)()>(dlsym(library, "OrtGetApiBase"));
  const OrtApi* api = base == nullptr ? nullptr : base()->GetApi(kInterface);
  if (api == nullptr)
    return Error(ErrorCode::kNotCompiledIn, path + " does not offer version 12 of its interface");
  return api;
}

RivalNode describe(const nlohmann::json& event, const std::string& name) {
  RivalNode node{name, {}, {}, 0};
  if (!event.contains("args")) return node;
  node.op = event["args"].value("op_name", "");
  const nlohmann::json outputs = event["args"].value("output_type_shape", nlohmann::json::array());
  if (outputs.empty() || !outputs[0].is_object() || outputs[0].empty()) return node;
  for (const nlohmann::json& extent : *outputs[0].begin())
    node.shape += (node.shape.empty() ? "" : "x") + std::to_string(extent.get<std::int64_t>());
  return node;
}

}  // namespace

Result<std::unique_ptr<Contender>> make_onnxruntime(const Task& task) {
  Result<const OrtApi*> api = open_library(task.rival_library);
  if (!api) return std::move(api).error();
  auto contender = std::make_unique<OnnxRuntime>(*api);
  if (Status status = contender->open(task); !status) return std::move(status).error();
  return std::unique_ptr<Contender>(std::move(contender));
}

Result<std::vector<RivalNode>> profile_onnxruntime(const Task& task, const std::vector<Values>& inputs,
                                                   int runs) {
  Result<const OrtApi*> api = open_library(task.rival_library);
  if (!api) return std::move(api).error();
  OnnxRuntime runtime(*api);
  const std::string prefix =
      std::filesystem::temp_directory_path() / ("fettle_compare_" + std::to_string(getpid()));
  if (Status status = runtime.open(task, prefix); !status) return std::move(status).error();
  if (Status status = runtime.set_inputs(inputs); !status) return std::move(status).error();
  for (int i = 0; i < runs; ++i) {
    if (Status status = runtime.run(); !status) return std::move(status).error();
  }
  Result<std::string> path = runtime.end_profile();
  if (!path) return std::move(path).error();
  std::ifstream file(*path);
  const nlohmann::json events = nlohmann::json::parse(file, nullptr, false);
  std::filesystem::remove(*path);
  if (!events.is_array()) return Error(ErrorCode::kFileMalformed, *path + " is no profile");
  constexpr std::string_view kEnding = "_kernel_time";
  std::vector<RivalNode> nodes;
  std::map<std::string, std::size_t> places;
  for (const nlohmann::json& event : events) {
    std::string name = event.value("name", "");
    if (!name.ends_with(kEnding)) continue;
    name.resize(name.size() - kEnding.size());
    const auto [place, fresh] = places.emplace(name, nodes.size());
    if (fresh) nodes.push_back(describe(event, name));
    nodes[place->second].us += event.value("dur", 0.0) / runs;
  }
  return nodes;
}

}  // namespace fettle::benchmarks
