// SPDX-License-Identifier: Apache-2.0
//
// LSTM, GRU and RNN: their lists of functions are texts, and only some of these take numbers.
#include "lib/base/activation.h"
#include "lib/base/op_names.h"
#include "lib/onnx/write_node.h"

#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fettle::onnx_export {

void write_recurrent(NodeParts& parts) {
  Attributes attributes = parts.node.attributes;
  const auto alphas = parts.node.attributes.reals("alphas");
  const auto betas = parts.node.attributes.reals("betas");
  std::vector<float> given_alphas;
  std::vector<float> given_betas;
  Names functions;
  std::string_view rest = parts.node.attributes.string("activations");
  for (std::size_t i = 0; !rest.empty() && i < alphas.size() && i < betas.size(); ++i) {
    functions.emplace_back(take_name(rest));
    const auto activation = activation_from_name(functions.back());
    if (!activation) return parts.refuse("unknown activation " + functions.back());
    const ActivationRow& row = kActivations[static_cast<std::size_t>(*activation)];
    if (row.takes_alpha) given_alphas.push_back(alphas[i]);
    if (row.takes_beta) given_betas.push_back(betas[i]);
  }
  if (!given_alphas.empty()) attributes.set("activation_alpha", given_alphas);
  if (!given_betas.empty()) attributes.set("activation_beta", given_betas);
  if (std::isinf(attributes.real("clip"))) attributes.erase("clip");
  for (const char* name : {"activations", "alphas", "betas", "outputs", "output_sequence"})
    attributes.erase(name);
  // The results that nobody wants have no names.
  Names results;
  std::size_t next = 0;
  for (const std::int64_t output : parts.node.attributes.integers("outputs")) {
    results.resize(static_cast<std::size_t>(output));
    results.push_back(parts.outputs.at(next++));
  }
  onnx::NodeProto& node =
      parts.file.add(onnx_name(parts.node.op), parts.node.id, parts.inputs, results, attributes);
  onnx::AttributeProto& list = *node.add_attribute();
  list.set_name("activations");
  list.set_type(onnx::AttributeProto::STRINGS);
  for (const std::string& function : functions) list.add_strings(function);
}

}  // namespace fettle::onnx_export
