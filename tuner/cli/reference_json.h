// SPDX-License-Identifier: Apache-2.0
//
// Layers that run on reference kernels, as commands print them in JSON.
#pragma once

#include "tuner/cli/command.h"
#include "tuner/reference_share.h"

namespace fettle::cli {

/// The layers on reference kernels and the share of each: [{"layer": "det", "share": 0.3}].
inline Json layers_json(const tuner::ReferenceShare& reference) {
  Json list = Json::array();
  for (const tuner::ReferenceShare::Layer& layer : reference.named)
    list.push_back({{"layer", layer.name}, {"share", reference.share_of(layer)}});
  return list;
}

}  // namespace fettle::cli
