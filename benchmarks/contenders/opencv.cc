// SPDX-License-Identifier: Apache-2.0
//
// OpenCV's DNN module, which reads ONNX files itself.
#include "benchmarks/contenders/module.h"

#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>

#include <algorithm>

namespace fettle::benchmarks {
namespace {

/// What is wrong, in one line: "Node [Clip@ai.onnx]:(a) parse error" of "> Node [Clip@ai.onnx]:(a) parse
/// error: OpenCV(4.6.0) ./modules/dnn/...".
std::string sentence(const cv::Exception& exception) {
  std::string text = exception.err.substr(0, exception.err.find(": OpenCV("));
  text = text.substr(0, text.find('\n'));
  return text.starts_with("> ") ? text.substr(2) : text;
}

/// Runs something of OpenCV's, which throws.
template <typename Action>
Status guarded(Action action) {
  try {
    action();
  } catch (const cv::Exception& exception) {
    return Error(ErrorCode::kKernelFailed, sentence(exception));
  }
  return {};
}

class OpenCv final : public Contender {
 public:
  Status open(const Task& task) {
    inputs_ = task.inputs;
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::setNumThreads(task.threads);
    return guarded([&] {
      net_ = cv::dnn::readNetFromONNX(task.model_path);
      net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
      net_.setPreferableTarget(cv::dnn::DNN_TARGET_CPU);
      const std::vector<cv::String> ends = net_.getUnconnectedOutLayersNames();
      for (std::size_t i = 0; i < task.outputs.size(); ++i) names_.push_back(layer_of(ends, task.outputs, i));
    });
  }

  Status set_inputs(const std::vector<Values>& inputs) override {
    return guarded([&] {
      for (std::size_t i = 0; i < inputs_.size(); ++i) {
        std::vector<int> extents;
        for (int axis = 0; axis < inputs_[i].shape.rank(); ++axis)
          extents.push_back(static_cast<int>(inputs_[i].shape[axis]));
        const cv::Mat copied = cv::Mat(extents, CV_32F, const_cast<float*>(inputs.at(i).data())).clone();
        net_.setInput(copied, inputs_[i].name);
      }
    });
  }

  Status run() override {
    return guarded([&] { net_.forward(results_, names_); });
  }

  std::vector<Values> outputs() override {
    std::vector<Values> all;
    for (const cv::Mat& result : results_) {
      const cv::Mat dense = result.isContinuous() ? result : result.clone();
      all.emplace_back(dense.ptr<float>(), dense.ptr<float>() + dense.total());
    }
    return all;
  }

 private:
  // Layers are called "onnx_node!NAME" after the first of their values; where none is called like the output,
  // the order decides.
  static cv::String layer_of(const std::vector<cv::String>& ends, const std::vector<TensorInfo>& outputs,
                             std::size_t index) {
    const auto found = std::find_if(ends.begin(), ends.end(), [&](const cv::String& end) {
      return end == outputs[index].name || end.ends_with("!" + outputs[index].name);
    });
    return found != ends.end() ? *found : ends.at(index);
  }

  std::vector<TensorInfo> inputs_;
  cv::dnn::Net net_;
  std::vector<cv::String> names_;
  std::vector<cv::Mat> results_;
};

}  // namespace
}  // namespace fettle::benchmarks

FETTLE_RIVAL(fettle::benchmarks::OpenCv)
