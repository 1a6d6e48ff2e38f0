// SPDX-License-Identifier: Apache-2.0
//
// ncnn, which reads NAME.param and NAME.bin, made by its own converters. Options are ncnn's defaults, with
// arithmetic and storage in 32 bits.
#include "benchmarks/contenders/module.h"

#include <allocator.h>
#include <net.h>

#include <algorithm>
#include <cstring>
#include <string_view>

namespace fettle::benchmarks {
namespace {

Status failed(const std::string& what) { return Error(ErrorCode::kKernelFailed, what); }

// Converters keep ONNX's names, or number inputs and outputs.
std::string blob_name(const std::vector<const char*>& names, const std::vector<TensorInfo>& tensors,
                      std::size_t index) {
  const bool kept =
      std::any_of(names.begin(), names.end(), [&](const char* name) { return tensors[index].name == name; });
  if (kept) return tensors[index].name;
  return index < names.size() ? names[index] : "";
}

// Without the first extent, which is the batch; false where there is a batch, or more than ncnn has axes.
bool make_picture(const Shape& shape, ncnn::Mat& picture) {
  const auto extent = [&](int axis) { return static_cast<int>(shape[axis]); };
  if (shape.rank() < 2 || shape.rank() > 4 || shape[0] != 1) return false;
  if (shape.rank() == 2) picture.create(extent(1));
  if (shape.rank() == 3) picture.create(extent(2), extent(1));
  if (shape.rank() == 4) picture.create(extent(3), extent(2), extent(1));
  return !picture.empty();
}

std::size_t channel_size(const ncnn::Mat& mat) { return static_cast<std::size_t>(mat.w) * mat.h * mat.d; }

class Ncnn final : public Contender {
 public:
  Ncnn() {
    net_.opt.lightmode = true;
    net_.opt.blob_allocator = &blobs_;
    net_.opt.workspace_allocator = &workspaces_;
    net_.opt.use_fp16_packed = net_.opt.use_fp16_storage = net_.opt.use_fp16_arithmetic = false;
    net_.opt.use_bf16_storage = false;
  }

  Status open(const Task& task) {
    net_.opt.num_threads = task.threads;
    const std::string param = converted_file(task, ".param");
    if (!std::filesystem::exists(param)) return failed("there is no file of the network in ncnn's format");
    if (net_.load_param(param.c_str()) != 0 ||
        net_.load_model(converted_file(task, ".bin").string().c_str()) != 0)
      return failed("ncnn cannot load the network that its converter has made");
    for (std::size_t i = 0; i < task.inputs.size(); ++i) {
      input_names_.push_back(blob_name(net_.input_names(), task.inputs, i));
      if (!make_picture(task.inputs[i].shape, pictures_.emplace_back()))
        return failed("ncnn has no tensors like input " + task.inputs[i].name);
    }
    for (std::size_t i = 0; i < task.outputs.size(); ++i)
      output_names_.push_back(blob_name(net_.output_names(), task.outputs, i));
    results_.resize(output_names_.size());
    return {};
  }

  Status set_inputs(const std::vector<Values>& inputs) override {
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      const std::size_t size = channel_size(pictures_[i]);
      for (int c = 0; c < pictures_[i].c; ++c)
        std::memcpy(pictures_[i].channel(c), inputs.at(i).data() + c * size, size * sizeof(float));
    }
    return {};
  }

  Status run() override {
    ncnn::Extractor extractor = net_.create_extractor();
    for (std::size_t i = 0; i < pictures_.size(); ++i) {
      if (extractor.input(input_names_[i].c_str(), pictures_[i]) != 0)
        return failed("ncnn has no input " + input_names_[i]);
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      if (extractor.extract(output_names_[i].c_str(), results_[i]) != 0)
        return failed("ncnn cannot compute output " + output_names_[i]);
    }
    return {};
  }

  std::vector<Values> outputs() override {
    std::vector<Values> all;
    for (const ncnn::Mat& result : results_) {
      Values& values = all.emplace_back();
      for (int c = 0; c < result.c; ++c) {
        const float* begin = result.channel(c);
        values.insert(values.end(), begin, begin + channel_size(result));
      }
    }
    return all;
  }

 private:
  // Allocators outlive what has allocated from them.
  ncnn::UnlockedPoolAllocator blobs_;
  ncnn::PoolAllocator workspaces_;
  ncnn::Net net_;
  std::vector<std::string> input_names_, output_names_;
  std::vector<ncnn::Mat> pictures_, results_;
};

}  // namespace
}  // namespace fettle::benchmarks

FETTLE_RIVAL(fettle::benchmarks::Ncnn)
