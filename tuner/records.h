// SPDX-License-Identifier: Apache-2.0
//
// Records: what has been measured, as JSON lines that can be concatenated and merged, so that a second model
// or a second run starts from what is known.
#pragma once

#include "tuner/cost_table.h"
#include "tuner/space.h"

#include <fettle/error.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fettle::tuner {

/// Isa and cores in words: what records are keyed by.
std::string device_key(const PlanDevice& device);

/// One measurement: device + layer + variant -> statistics. docs/records.md describes the text.
struct Record {
  PlanDevice device;
  std::string layer;  ///< LayerDesc::cost_key; the keys of all layers for a region, joined by " + "
  Variant variant;    ///< without the covered layers' ids, which are names of one network's
  Cost cost;
  std::string conditions;  ///< frequency and temperature, where the system tells

  std::string line() const;  ///< without the line's end
  std::string key() const;   ///< equal for measurements of the same thing
};

/// Lines that are damaged, of another format version or hold nonsense.
struct SkippedLines {
  int count = 0;
  int first = 0;  ///< the number of the first one, from 1
};

/// Reads JSON lines. Those that hold no record are skipped (a process may have died in the middle of the last
/// one); `skipped`, unless null, tells which.
std::vector<Record> parse_records(std::string_view text, SkippedLines* skipped = nullptr);
/// Reads a file. Errors: kFileNotFound, kFileUnreadable, kLimitExceeded.
Result<std::vector<Record>> load_records(const std::string& path, SkippedLines* skipped = nullptr);
/// Appends whole lines in one write; a damaged last line is closed first. Errors: those of append_lines.
Status append_records(const std::string& path, const std::vector<Record>& records);
/// One cost for each key: medians weighted by samples, intervals spanning all.
std::map<std::string, Record> merge_records(const std::vector<Record>& records);

/// Gives the table what the records know of this device and space.
int apply_records(const std::vector<Record>& records, const PlanDevice& device, const Space& space,
                  CostTable& table);
/// What the table has measured, records alone left out.
std::vector<Record> records_of(const Space& space, const CostTable& table, const PlanDevice& device,
                               const std::string& conditions);

}  // namespace fettle::tuner
