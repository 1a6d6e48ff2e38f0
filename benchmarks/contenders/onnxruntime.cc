// SPDX-License-Identifier: Apache-2.0
//
// ONNX Runtime through its C interface, opened at run time.
#include "benchmarks/contenders/contender.h"

#include <dlfcn.h>
#include <onnxruntime_c_api.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

namespace fettle::benchmarks {
namespace {

// The oldest interface that has what is called here, so that libraries of several versions will do.
constexpr std::uint32_t kInterface = 12;

constexpr std::pair<DataType, ONNXTensorElementDataType> kTypes[] = {
    {DataType::f32, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT},
    {DataType::f64, ONNX_TENSOR_ELEMENT_DATA_TYPE_DOUBLE},
    {DataType::boolean, ONNX_TENSOR_ELEMENT_DATA_TYPE_BOOL},
    {DataType::s8, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8},
    {DataType::u8, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8},
    {DataType::s16, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT16},
    {DataType::u16, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT16},
    {DataType::s32, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT32},
    {DataType::u32, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT32},
    {DataType::s64, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64},
    {DataType::u64, ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT64}};

ONNXTensorElementDataType element_type(DataType type) noexcept {
  for (const auto& [own, other] : kTypes) {
    if (own == type) return other;
  }
  return ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
}

DataType data_type(ONNXTensorElementDataType type) noexcept {
  for (const auto& [own, other] : kTypes) {
    if (other == type) return own;
  }
  return DataType::undefined;
}

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
    inputs_info_ = task.inputs;
    status = all(
        {api_->SetSessionGraphOptimizationLevel(options, task.optimised ? ORT_ENABLE_ALL : ORT_DISABLE_ALL),
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
    data_.clear();
    for (const std::string& name : input_names_) {
      const auto info = std::find_if(inputs_info_.begin(), inputs_info_.end(),
                                     [&](const TensorInfo& one) { return one.name == name; });
      if (info == inputs_info_.end())
        return Error(ErrorCode::kInvalidArgument, "no values for input " + name);
      const auto place = static_cast<std::size_t>(info - inputs_info_.begin());
      std::vector<std::byte>& data = data_.emplace_back(stored(inputs.at(place), info->type));
      const std::vector<std::int64_t> shape(info->shape.begin(), info->shape.end());
      OrtValue* value = nullptr;
      const Status status = check(api_->CreateTensorWithDataAsOrtValue(
          memory_, data.data(), data.size(), shape.data(), shape.size(), element_type(info->type), &value));
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
      ONNXTensorElementDataType element = ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
      if (check(api_->GetTensorTypeAndShape(value, &info)) &&
          check(api_->GetTensorShapeElementCount(info, &count)) &&
          check(api_->GetTensorElementType(info, &element)) &&
          check(api_->GetTensorMutableData(value, &data))) {
        const DataType type = data_type(element);
        all.push_back(read_values({static_cast<const std::byte*>(data), count * size_of(type)}, type));
      }
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

  const OrtApi* api_;
  OrtEnv* environment_ = nullptr;
  OrtMemoryInfo* memory_ = nullptr;
  OrtSession* session_ = nullptr;
  std::vector<std::string> input_names_, output_names_;
  std::vector<const char*> input_pointers_, output_pointers_;
  std::vector<TensorInfo> inputs_info_;
  std::vector<std::vector<std::byte>> data_;
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
