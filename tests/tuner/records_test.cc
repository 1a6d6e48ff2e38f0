// SPDX-License-Identifier: Apache-2.0
#include "tuner/records.h"

#include "tuner/conditions.h"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <unistd.h>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace fettle::tuner {
namespace {

Record record(const std::string& kernel, double median, int samples) {
  Record r;
  r.device.isa = {"neon", "odd \"name\""};
  r.device.cores = {{0x410fd034u, 4, 32768, 524288}};
  r.device.library = "0.1.0";
  r.layer = "conv group=1 : f32 nchw 1x3x8x8";
  r.variant.kernel = kernel;
  r.variant.revision = 3;
  r.variant.signature = {Layout::nchw, Layout::nhwc, DataType::f32};
  r.variant.threads = 2;
  r.cost = {{median, median - 1, median + 1}, median - 0.5, samples, false};
  return r;
}

struct File {
  std::string path = "records_test_" + std::to_string(::getpid()) + ".jsonl";
  File() { std::remove(path.c_str()); }
  ~File() { std::remove(path.c_str()); }
  std::string text() const {
    std::ifstream file(path);
    std::ostringstream all;
    all << file.rdbuf();
    return all.str();
  }
};

TEST_CASE("a record survives writing and reading", "[tuner][records]") {
  const Record before = record("conv.gemm.f32.portable", 12.345, 20);
  const std::vector<Record> after = parse_records(before.line() + "\n");
  REQUIRE(after.size() == 1);
  CHECK(after[0].key() == before.key());
  CHECK(after[0].cost.us.median == 12.345);
  CHECK(after[0].cost.us.low == 11.345);
  CHECK(after[0].cost.quiet_us == 11.845);
  CHECK(after[0].cost.samples == 20);
  CHECK(before.line() == record("conv.gemm.f32.portable", 12.345, 20).line());
  CHECK(before.line().find('\n') == std::string::npos);
}

TEST_CASE("damaged records are skipped, the rest is used", "[tuner][records]") {
  const std::string good = record("a", 1.5, 5).line();
  const auto changed = [&](const std::string& from, const std::string& to) {
    const std::size_t at = good.find(from);
    REQUIRE(at != std::string::npos);
    return std::string(good).replace(at, from.size(), to);
  };
  const std::string text = good + "\nnot json\n{\"fettle_record\":1}\n[1]\n{}\n" +
                           changed("\"revision\":3", "\"revision\":-1") + "\n" +
                           changed("nhwc f32", "nhwc f33") + "\n" + changed("\"count\":4", "\"count\":0") +
                           "\n" + good + "\n" + good.substr(0, good.size() / 2);
  SkippedLines skipped;
  CHECK(parse_records(text, &skipped).size() == 2);
  CHECK(skipped.count == 8);
  CHECK(skipped.first == 2);
}

TEST_CASE("appending closes a damaged last line", "[tuner][records]") {
  const File file;
  {
    std::ofstream broken(file.path);
    broken << record("a", 1, 5).line() << "\n"
           << "{\"fettle_rec";
  }
  REQUIRE(append_records(file.path, {record("b", 2, 5), record("c", 3, 5)}));
  SkippedLines skipped;
  const Result<std::vector<Record>> read = load_records(file.path, &skipped);
  REQUIRE(read);
  CHECK(read->size() == 3);
  CHECK(skipped.count == 1);
  CHECK(skipped.first == 2);
}

TEST_CASE("missing records and unwritable ones are errors", "[tuner][records]") {
  const Result<std::vector<Record>> none = load_records("no/such/folder/records.jsonl");
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == ErrorCode::kFileNotFound);
  CHECK(none.error().message().find("no/such/folder/records.jsonl") != std::string::npos);
  const Status status = append_records("no/such/folder/records.jsonl", {record("a", 1, 5)});
  REQUIRE_FALSE(status);
  CHECK(status.error().code() == ErrorCode::kFileUnwritable);
}

TEST_CASE("records merge weighted by samples", "[tuner][records]") {
  const auto merged = merge_records({record("a", 10, 30), record("a", 20, 10), record("b", 7, 1)});
  REQUIRE(merged.size() == 2);
  const Cost& cost = merged.at(record("a", 0, 1).key()).cost;
  CHECK(cost.us.median == Catch::Approx(12.5));
  CHECK(cost.quiet_us == Catch::Approx(12));
  CHECK(cost.us.low == 9);
  CHECK(cost.us.high == 21);
  CHECK(cost.samples == 40);
}

TEST_CASE("conditions are read where the system tells", "[tuner][records]") {
  const std::filesystem::path root =
      std::filesystem::temp_directory_path() / ("conditions_" + std::to_string(::getpid()));
  CHECK(sysfs_conditions(root.string()).empty());
  std::filesystem::create_directories(root / "devices/system/cpu/cpu0/cpufreq");
  std::filesystem::create_directories(root / "class/thermal/thermal_zone1");
  std::ofstream(root / "devices/system/cpu/cpu0/cpufreq/scaling_cur_freq") << "1800000\n";
  std::ofstream(root / "devices/system/cpu/cpu0/cpufreq/scaling_governor") << "schedutil\n";
  std::ofstream(root / "class/thermal/thermal_zone1/temp") << "54321\n";
  CHECK(sysfs_conditions(root.string()) == "cpu0 1800 MHz (schedutil), 54 C");
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace fettle::tuner
