// SPDX-License-Identifier: Apache-2.0
//
// Weights in files beside the model: where they may be, and every way in which they may be wrong.
#include "tests/onnx/model_bytes.h"

#include <fettle/runtime.h>

#include <catch2/catch_test_macros.hpp>

#include <stdlib.h>
#include <sys/stat.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace fettle {
namespace {

using namespace onnx_bytes;
namespace fs = std::filesystem;
using Entries = std::vector<std::pair<std::string, std::string>>;

// y = x + w, with w of four numbers in a file.
ModelBytes sum(const Entries& entries) {
  ModelBytes model;
  model.inputs = {value_info("x", {4})};
  model.outputs = {"y"};
  model.initialisers = {outside("w", {4}, entries)};
  model.nodes = {node("Add", {"x", "w"}, {"y"}, {}, "sum")};
  return model;
}

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "fettle-external-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    root_ = name;
    fs::create_directories(root_ / "model" / "deep");
    write("model/weights.bin", {9, 9, 1, 2, 3, 4});
    write("model/deep/weights.bin", {1, 2, 3, 4});
    write("secret.bin", {1, 2, 3, 4});
  }
  ~Folder() { fs::remove_all(root_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void write(const std::string& name, const std::vector<float>& numbers, std::size_t skip = 0) const {
    std::ofstream file(root_ / name, std::ios::binary);
    file.write("abc", static_cast<std::streamsize>(skip));
    file.write(reinterpret_cast<const char*>(numbers.data()),
               static_cast<std::streamsize>(numbers.size() * sizeof(float)));
  }
  Result<Model> load(const Entries& entries, const ModelOptions& options = {}) const {
    const std::string bytes = sum(entries).bytes();
    std::ofstream(root_ / "model" / "sum.onnx", std::ios::binary) << bytes;
    return Model::load((root_ / "model" / "sum.onnx").string(), options);
  }
  void refused(const Entries& entries, ErrorCode code, const ModelOptions& options = {}) const {
    const Result<Model> model = load(entries, options);
    REQUIRE_FALSE(model);
    INFO(model.error().text());
    CHECK(model.error().code() == code);
    CHECK(model.error().text().find("w") != std::string::npos);
    CHECK_FALSE(model.error().hint().empty());
  }
  void check(const Entries& entries) const {
    const Result<Model> model = load(entries);
    INFO((model ? "" : model.error().text()));
    REQUIRE(model);
    const Result<Program> program = Program::compile(*model);
    REQUIRE(program);
    Result<Runtime> runtime = Runtime::create(*program);
    REQUIRE(runtime);
    REQUIRE(runtime->input(0).copy_from(std::vector<float>{10, 20, 30, 40}));
    REQUIRE(runtime->run());
    const auto y = runtime->output(0).values<float>();
    CHECK(std::vector<float>(y.begin(), y.end()) == std::vector<float>{11, 22, 33, 44});
  }
  const fs::path& root() const { return root_; }

 private:
  fs::path root_;
};

}  // namespace

TEST_CASE("weights are read from files beside the model", "[onnx]") {
  const Folder folder;
  folder.check({{"location", "weights.bin"}, {"offset", "8"}, {"length", "16"}});
  folder.check({{"location", "deep/weights.bin"}});
  folder.check({{"location", "./deep/weights.bin"}, {"offset", "0"}, {"checksum", "unused"}});
  // Numbers that are not aligned in their file.
  folder.write("model/odd.bin", {1, 2, 3, 4}, 3);
  folder.check({{"location", "odd.bin"}, {"offset", "3"}});
  // Pieces that several tensors share, and folders by roundabout ways.
  folder.check({{"location", "deep//.//weights.bin"}});
}

TEST_CASE("files outside the model's folder are not opened", "[onnx][bad]") {
  const Folder folder;
  const std::string secret = (folder.root() / "secret.bin").string();
  folder.refused({{"location", "../secret.bin"}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", "deep/../../secret.bin"}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", secret}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", ""}}, ErrorCode::kModelInvalid);
  folder.refused({}, ErrorCode::kModelInvalid);
  folder.refused({{"location", std::string("weights.bin\0/etc", 16)}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", std::string(5000, 'a')}}, ErrorCode::kModelInvalid);
  fs::create_symlink(secret, folder.root() / "model" / "out.bin");
  folder.refused({{"location", "out.bin"}}, ErrorCode::kFileUnreadable);
  fs::create_directory_symlink(folder.root(), folder.root() / "model" / "up");
  folder.refused({{"location", "up/secret.bin"}}, ErrorCode::kFileUnreadable);
  // Links that stay inside lead elsewhere tomorrow; another name may be that of any file of the user's.
  fs::create_symlink("weights.bin", folder.root() / "model" / "link.bin");
  folder.refused({{"location", "link.bin"}, {"offset", "8"}}, ErrorCode::kFileUnreadable);
  fs::create_directory_symlink("deep", folder.root() / "model" / "shallow");
  folder.refused({{"location", "shallow/weights.bin"}}, ErrorCode::kFileUnreadable);
  fs::create_hard_link(secret, folder.root() / "model" / "same.bin");
  folder.refused({{"location", "same.bin"}}, ErrorCode::kFileUnreadable);
}

TEST_CASE("what is no file is not waited for", "[onnx][bad]") {
  const Folder folder;
  REQUIRE(mkfifo((folder.root() / "model" / "pipe").c_str(), 0600) == 0);
  folder.refused({{"location", "pipe"}}, ErrorCode::kFileUnreadable);
  folder.refused({{"location", "weights.bin/more"}}, ErrorCode::kFileNotFound);
  folder.refused({{"location", "deep/"}}, ErrorCode::kFileNotFound);
}

TEST_CASE("the model itself may be named by a link", "[onnx]") {
  const Folder folder;
  REQUIRE(folder.load({{"location", "deep/weights.bin"}}));
  fs::create_directory_symlink("model", folder.root() / "another");
  CHECK(Model::load((folder.root() / "another" / "sum.onnx").string()));
}

TEST_CASE("pieces that their file does not have are refused", "[onnx][bad]") {
  const Folder folder;
  folder.refused({{"location", "weights.bin"}, {"offset", "12"}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", "weights.bin"}, {"offset", "18446744073709551615"}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", "weights.bin"}, {"offset", "-8"}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", "weights.bin"}, {"offset", "eight"}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", "weights.bin"}, {"length", "12"}}, ErrorCode::kModelInvalid);
  folder.refused({{"location", "nothing.bin"}}, ErrorCode::kFileNotFound);
  folder.refused({{"location", "deep"}}, ErrorCode::kFileUnreadable);
  ModelOptions options;
  options.limits.file_bytes = 400;
  folder.write("model/large.bin", std::vector<float>(200));
  folder.refused({{"location", "large.bin"}}, ErrorCode::kLimitExceeded, options);
}

TEST_CASE("a model from memory has no files beside it", "[onnx][bad]") {
  const Result<Model> model = Model::parse(as_bytes(sum({{"location", "weights.bin"}}).bytes()), "test");
  REQUIRE_FALSE(model);
  CHECK(model.error().code() == ErrorCode::kModelUnsupported);
  CHECK(model.error().text().find("memory") != std::string::npos);
}

}  // namespace fettle
