// SPDX-License-Identifier: Apache-2.0
//
// The part of a plan's text that makes layers compute with integers.
#pragma once

#include "lib/plan/json_reader.h"

#include <fettle/quantisation.h>

#include <memory>
#include <string>

namespace fettle::plan {

/// Reads what a plan has under "quantisation". A build whose kernels compute with no integers refuses it.
/// Null when the reader has failed.
std::shared_ptr<const Quantisation> read_quantisation(Reader& reader, const Json& value);
/// Appends it with its key and a comma: a value, a layer and a pair a line.
void append_quantisation(std::string& text, const Quantisation& quantisation);

}  // namespace fettle::plan
