// SPDX-License-Identifier: Apache-2.0
#include "lib/plan/quantisation_text.h"

#include <charconv>

namespace fettle::plan {

#if FETTLE_WITH_QUANTISATION

namespace {

std::vector<float> read_floats(Reader& reader, const Json& value, const std::string& place) {
  std::vector<float> numbers;
  if (!reader.array(value, place)) return numbers;
  numbers.reserve(value.size());
  for (const Json& number : value) numbers.push_back(reader.real(number, place));
  return numbers;
}

ValueQuantisation read_value_quantisation(Reader& reader, const Json& value, const std::string& place) {
  ValueQuantisation how;
  if (!reader.object(value, place, {"type", "scale", "zero_point"})) return how;
  how.type = data_type_from_string(reader.text(value["type"], place + ".type"));
  if (how.type != DataType::s8 && how.type != DataType::u8)
    reader.fail(place + ".type", "\"s8\" or \"u8\" is expected");
  how.scale = reader.real(value["scale"], place + ".scale");
  if (reader.ok() && !(how.scale > 0)) reader.fail(place + ".scale", "a positive number is expected");
  const bool is_signed = how.type == DataType::s8;
  how.zero_point = static_cast<std::int32_t>(reader.integer(value["zero_point"], place + ".zero_point",
                                                            is_signed ? -128 : 0, is_signed ? 127 : 255));
  return how;
}

// Text of names that are not UTF-8 must not fail: such bytes are replaced.
std::string quoted(const std::string& name) {
  return Json(name).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// As short as they can be and read as the same f32.
void append_floats(std::string& text, const std::vector<float>& numbers) {
  text += "[";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    char digits[32];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, numbers[i]);
    if (i > 0) text += ",";
    text.append(digits, end);
  }
  text += "]";
}

void read_parts(Reader& reader, const Json& value, Quantisation& quantisation) {
  if (!reader.object(value, "quantisation", {"values", "layers"}, {"equalised"})) return;
  for (const char* key : {"values", "layers"}) {
    if (!value[key].is_object()) reader.fail(std::string("quantisation.") + key, "an object is expected");
  }
  if (!reader.ok()) return;
  if (value["values"].contains("") || value["layers"].contains(""))
    reader.fail("quantisation", "a value or layer without a name");
  for (const auto& [name, how] : value["values"].items())
    quantisation.values[name] =
        read_value_quantisation(reader, how, "quantisation.values." + name.substr(0, 80));
  for (const auto& [id, layer] : value["layers"].items()) {
    const std::string place = "quantisation.layers." + id.substr(0, 80);
    LayerQuantisation& read = quantisation.layers[id];
    if (!reader.object(layer, place, {}, {"weight_scales", "bias_shift"})) return;
    if (layer.contains("weight_scales"))
      read.weight_scales = read_floats(reader, layer["weight_scales"], place + ".weight_scales");
    if (layer.contains("bias_shift"))
      read.bias_shift = read_floats(reader, layer["bias_shift"], place + ".bias_shift");
  }
  if (!value.contains("equalised") || !reader.array(value["equalised"], "quantisation.equalised")) return;
  for (const Json& pair : value["equalised"]) {
    const std::string place = "quantisation.equalised[" + std::to_string(quantisation.equalised.size()) + "]";
    if (!reader.object(pair, place, {"first", "second", "factors"})) return;
    Equalisation& read = quantisation.equalised.emplace_back();
    read.first = reader.text(pair["first"], place + ".first");
    read.second = reader.text(pair["second"], place + ".second");
    read.factors = read_floats(reader, pair["factors"], place + ".factors");
  }
}

}  // namespace

std::shared_ptr<const Quantisation> read_quantisation(Reader& reader, const Json& value) {
  auto quantisation = std::make_shared<Quantisation>();
  read_parts(reader, value, *quantisation);
  return reader.ok() ? quantisation : nullptr;
}

void append_quantisation(std::string& text, const Quantisation& quantisation) {
  text += "  \"quantisation\": { \"values\": {";
  const char* separator = "\n      ";
  for (const auto& [name, how] : quantisation.values) {
    text += separator + quoted(name) + ": {\"type\":\"" + std::string(to_string(how.type)) + "\",\"scale\":";
    char digits[32];
    text.append(digits, std::to_chars(digits, digits + sizeof digits, how.scale).ptr);
    text += ",\"zero_point\":" + std::to_string(how.zero_point) + "}";
    separator = ",\n      ";
  }
  text += "},\n    \"layers\": {";
  separator = "\n      ";
  for (const auto& [id, layer] : quantisation.layers) {
    text += separator + quoted(id) + ": {";
    if (!layer.weight_scales.empty()) {
      text += "\"weight_scales\":";
      append_floats(text, layer.weight_scales);
    }
    if (!layer.bias_shift.empty()) {
      text += layer.weight_scales.empty() ? "\"bias_shift\":" : ",\"bias_shift\":";
      append_floats(text, layer.bias_shift);
    }
    text += "}";
    separator = ",\n      ";
  }
  text += "}";
  if (!quantisation.equalised.empty()) {
    text += ",\n    \"equalised\": [";
    separator = "\n      ";
    for (const Equalisation& pair : quantisation.equalised) {
      text += separator + ("{\"first\":" + quoted(pair.first)) + ",\"second\":" + quoted(pair.second) +
              ",\"factors\":";
      append_floats(text, pair.factors);
      text += "}";
      separator = ",\n      ";
    }
    text += "]";
  }
  text += " },\n";
}

#else

std::shared_ptr<const Quantisation> read_quantisation(Reader& reader, const Json&) {
  reader.fail("quantisation", "this build leaves out the kernels that compute with integers");
  return nullptr;
}
void append_quantisation(std::string&, const Quantisation&) {}

#endif

}  // namespace fettle::plan
