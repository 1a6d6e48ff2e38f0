// SPDX-License-Identifier: Apache-2.0
//
// The report of a tuning run.
#pragma once

#include <fettle/tuner.h>

#include <string>

namespace fettle::tuner {

/// One page of HTML that needs nothing else; what tune_report_html gives for a model of that name.
std::string report_page(const std::string& model_name, const TuneResult& result);

}  // namespace fettle::tuner
