// SPDX-License-Identifier: Apache-2.0
#include "benchmarks/accuracy/samples.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

namespace fettle::benchmarks {
namespace {

constexpr std::size_t kPictureRank = 4;

Error unusable(const std::string& what) {
  return Error(ErrorCode::kFileMalformed, what, "write the list anew with benchmarks/accuracy/prepare.py");
}

}  // namespace

Result<std::vector<LabelledNetwork>> read_list(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error(ErrorCode::kFileNotFound, path + " cannot be read");
  std::vector<LabelledNetwork> entries;
  try {
    for (const nlohmann::json& item : nlohmann::json::parse(file)) {
      LabelledNetwork& entry = entries.emplace_back();
      item.at("model").get_to(entry.model);
      item.at("pictures").get_to(entry.pictures);
      item.at("labels").get_to(entry.labels);
      item.at("mean").get_to(entry.mean);
      item.at("std").get_to(entry.std);
      item.at("bgr").get_to(entry.bgr);
      item.at("background").get_to(entry.background);
      if (!item.at("top1_given").is_null()) entry.top1_given = item.at("top1_given").get<double>();
    }
  } catch (const nlohmann::json::exception& error) {
    return unusable(path + ": " + error.what());
  }
  return entries;
}

Result<Samples> Samples::load(const LabelledNetwork& entry) {
  Result<io::Array> pictures = io::load_npy(entry.pictures);
  if (!pictures) return std::move(pictures).error();
  Result<io::Array> labels = io::load_npy(entry.labels);
  if (!labels) return std::move(labels).error();
  const bool bytes = pictures->type == DataType::u8 || pictures->type == DataType::s8;
  if (!bytes || pictures->shape.size() != kPictureRank || pictures->bytes.empty())
    return unusable(entry.pictures + " is no array of 8-bit pictures in NHWC");
  if (labels->type != DataType::u16 || labels->shape != std::vector<std::int64_t>{pictures->shape[0]})
    return unusable(entry.labels + " has not a 16-bit class for each picture");
  for (const std::vector<float>* values : {&entry.mean, &entry.std}) {
    if (values->size() != 1 && values->size() != static_cast<std::size_t>(pictures->shape[3]))
      return unusable(entry.model + ": mean and std need one number, or one for each channel");
  }
  return Samples(entry, *std::move(pictures), *std::move(labels));
}

Samples::Samples(const LabelledNetwork& entry, io::Array pictures, io::Array labels)
    : entry_(entry), pictures_(std::move(pictures)), labels_(std::move(labels)) {}

std::size_t Samples::label(std::size_t index) const {
  return labels_.values<std::uint16_t>()[index] + (entry_.background ? 1u : 0u);
}

float Samples::pixel(std::size_t position) const {
  return pictures_.type == DataType::u8 ? static_cast<float>(pictures_.values<std::uint8_t>()[position])
                                        : static_cast<float>(pictures_.values<std::int8_t>()[position]);
}

Values Samples::input(std::size_t index) const {
  const auto channels = static_cast<std::size_t>(pictures_.shape[3]);
  const std::size_t area = static_cast<std::size_t>(pictures_.shape[1] * pictures_.shape[2]);
  Values values(channels * area);
  for (std::size_t c = 0; c < channels; ++c) {
    const float mean = entry_.mean[entry_.mean.size() == 1 ? 0 : c];
    const float std = entry_.std[entry_.std.size() == 1 ? 0 : c];
    const std::size_t from = entry_.bgr ? channels - 1 - c : c;
    for (std::size_t i = 0; i < area; ++i)
      values[c * area + i] = (pixel((index * area + i) * channels + from) - mean) / std;
  }
  return values;
}

}  // namespace fettle::benchmarks
