// SPDX-License-Identifier: Apache-2.0
//
// MNN, which reads NAME.mnn, made by its own converter.
#include "benchmarks/contenders/module.h"

#include <MNN/Interpreter.hpp>
#include <MNN/Tensor.hpp>

#include <cstring>

namespace fettle::benchmarks {
namespace {

Status failed(const std::string& what) { return Error(ErrorCode::kKernelFailed, what); }

class Mnn final : public Contender {
 public:
  Status open(const Task& task) {
    const std::string path = converted_file(task, ".mnn");
    if (!std::filesystem::exists(path)) return failed("there is no file of the network in MNN's format");
    net_.reset(MNN::Interpreter::createFromFile(path.c_str()));
    if (net_ == nullptr) return failed("MNN cannot read the network that its converter has made");
    MNN::BackendConfig backend;
    backend.precision = MNN::BackendConfig::Precision_High;  // 32 bits, on every CPU
    MNN::ScheduleConfig config;
    config.type = MNN_FORWARD_CPU;
    config.numThread = task.threads;
    config.backendConfig = &backend;
    session_ = net_->createSession(config);
    if (session_ == nullptr) return failed("MNN cannot make a session of the network");
    net_->releaseModel();
    for (const TensorInfo& info : task.inputs) {
      if (Status status = add(net_->getSessionInput(session_, info.name.c_str()), info, inputs_); !status)
        return status;
    }
    for (const TensorInfo& info : task.outputs) {
      if (Status status = add(net_->getSessionOutput(session_, info.name.c_str()), info, outputs_); !status)
        return status;
    }
    return {};
  }

  Status set_inputs(const std::vector<Values>& inputs) override {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs.at(i).size() != static_cast<std::size_t>(inputs_[i].host->elementSize()))
        return failed("MNN has another shape for the input");
      std::memcpy(inputs_[i].host->host<float>(), inputs.at(i).data(), inputs[i].size() * sizeof(float));
      if (!inputs_[i].device->copyFromHostTensor(inputs_[i].host.get()))
        return failed("MNN does not take the input");
    }
    return {};
  }

  Status run() override {
    if (net_->runSession(session_) != MNN::NO_ERROR) return failed("MNN cannot run the network");
    for (const Port& output : outputs_) {
      if (!output.device->copyToHostTensor(output.host.get())) return failed("MNN does not give the output");
    }
    return {};
  }

  std::vector<Values> outputs() override {
    std::vector<Values> all;
    for (const Port& output : outputs_)
      all.emplace_back(output.host->host<float>(), output.host->host<float>() + output.host->elementSize());
    return all;
  }

 private:
  /// A tensor as the session has it, and the same in ONNX's order.
  struct Port {
    MNN::Tensor* device;
    std::unique_ptr<MNN::Tensor> host;
  };

  static Status add(MNN::Tensor* device, const TensorInfo& info, std::vector<Port>& ports) {
    if (device == nullptr) return failed("MNN's network has no tensor " + info.name);
    auto host = std::make_unique<MNN::Tensor>(device, MNN::Tensor::CAFFE);
    if (host->getType() != halide_type_of<float>()) return failed("MNN has another type for " + info.name);
    ports.push_back({device, std::move(host)});
    return {};
  }

  struct Destroy {
    void operator()(MNN::Interpreter* net) const { MNN::Interpreter::destroy(net); }
  };
  std::unique_ptr<MNN::Interpreter, Destroy> net_;
  MNN::Session* session_ = nullptr;
  std::vector<Port> inputs_, outputs_;
};

}  // namespace
}  // namespace fettle::benchmarks

FETTLE_RIVAL(fettle::benchmarks::Mnn)
