// SPDX-License-Identifier: Apache-2.0
//
// Pictures of every format: what they show, and what becomes of damaged ones. The files show the same 9 x 7
// pixels.
#include "tests/common/check.h"
#include "tests/common/data.h"
#include "tests/io/folder.h"
#include "tuner/io/image.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

namespace fettle::test {
namespace {

constexpr int kWidth = 9;
constexpr int kHeight = 7;

using io::Image;

std::uint8_t channel_at(int x, int y, int channel) {
  return static_cast<std::uint8_t>(channel == 0 ? 28 * x : channel == 1 ? 36 * y : 255 - 14 * (x + y));
}

Result<Image> decode(const std::string& text, int channels = 3, const io::ImageLimits& limits = {}) {
  return io::decode_image(bytes_of(text), "a file", channels, limits);
}

// The largest difference from what the picture shows.
int difference(const Image& image) {
  REQUIRE(image.width == kWidth);
  REQUIRE(image.height == kHeight);
  REQUIRE(image.channels == 3);
  REQUIRE(image.pixels.size() == std::size_t{kWidth} * kHeight * 3);
  int largest = 0;
  for (int i = 0; i < kWidth * kHeight * 3; ++i) {
    const int wanted = channel_at(i / 3 % kWidth, i / 3 / kWidth, i % 3);
    largest = std::max(largest, std::abs(image.pixels[static_cast<std::size_t>(i)] - wanted));
  }
  return largest;
}

// Exact formats, and what may be missing at the end of a file that is whole nevertheless: bytes that only
// fill up, and marks of the end.
struct Format {
  const char* name;
  int lossy = 0;     // the largest difference
  int optional = 0;  // bytes
};
constexpr Format kFormats[] = {{"rgb.ppm"},
                               {"rgb.png"},
                               {"interlaced.png"},
                               {"palette.png"},
                               {"alpha.png"},
                               {"deep.png"},
                               {"rgb.bmp", 0, 1},
                               {"palette.bmp", 0, 3},
                               {"raw.tga"},
                               {"rle.tga"},
                               {"palette.tga"},
                               {"plain.gif", 0, 1},
                               {"interlaced.gif", 0, 1},
                               {"baseline.jpg", 6},
                               {"progressive.jpg", 6},
                               {"restart.jpg", 40},
                               {"subsampled.jpg", 120}};

// A picture with a palette that lacks most of the colours that its pixels name.
std::string poor_palette_png() {
  std::string png = seed_file("palette.png");
  const std::size_t palette = png.find("PLTE");
  REQUIRE(palette != std::string::npos);
  // Two colours are left: length, type, 6 bytes and the checksum, which decoders pass over.
  constexpr std::string_view kShort("\0\0\0\6PLTE\1\2\3\4\5\6....", 18);
  return png.replace(palette - 4, 4 + 4 + 63 * 3 + 4, kShort);
}

std::string poor_palette_bmp() {
  std::string bmp = seed_file("palette.bmp");
  constexpr std::size_t kPalette = 54;
  bmp.erase(kPalette + 8, 61 * 4);
  bmp[10] = kPalette + 8;  // where pixels begin
  bmp[11] = 0;
  return bmp;
}

// Leaves something on the stack and in freed memory.
void leave_traces(int with) {
  volatile std::uint8_t stack[65536];
  for (volatile std::uint8_t& byte : stack) byte = static_cast<std::uint8_t>(with);
  std::vector<std::vector<std::uint8_t>> blocks;
  for (std::size_t size = 16; size < (1 << 20); size += size / 8 + 1)
    blocks.emplace_back(size, static_cast<std::uint8_t>(with));
}

TEST_CASE("pictures of every format show their pixels", "[io][pictures]") {
  for (const Format& format : kFormats) {
    CAPTURE(format.name);
    CHECK(difference(value_of(decode(seed_file(format.name)))) <= format.lossy);
    const Image grey = value_of(decode(seed_file(format.name), 1));
    CHECK(grey.pixels.size() == std::size_t{kWidth} * kHeight);
  }
  const Image grey = value_of(decode(seed_file("grey.pgm"), 1));
  for (int i = 0; i < kWidth * kHeight; ++i)
    CHECK(grey.pixels[static_cast<std::size_t>(i)] == channel_at(i % kWidth, i / kWidth, 1));
  const Image same = value_of(io::load_image(source_file("tests/fuzz/seeds/picture/rgb.png"), 3));
  CHECK(difference(same) == 0);
}

TEST_CASE("a picture that is cut off anywhere is refused", "[io][pictures]") {
  for (const Format& format : kFormats) {
    const std::string whole = seed_file(format.name);
    for (std::size_t length = 0; length < whole.size(); ++length) {
      CAPTURE(format.name, whole.size(), length);
      const Result<Image> image = decode(whole.substr(0, length));
      if (length + static_cast<std::size_t>(format.optional) >= whole.size())
        CHECK(difference(value_of(image)) <= format.lossy);
      else
        error_of(image, ErrorCode::kFileMalformed, "a file: ");
    }
  }
}

TEST_CASE("a large picture that lacks its last byte is refused, in every place that bytes are read in",
          "[io][pictures]") {
  // Larger than what a decoder reads at once.
  const std::string pixels(300 * 200 * 3, 'p');
  const std::string pnm = "P6 300 200 255\n" + pixels;
  const std::string tga = std::string("\0\0\2\0\0\0\0\0\0\0\0\0\x2c\1\xc8\0\x18\x20", 18) + pixels;
  for (const std::string& whole : {pnm, tga}) {
    CHECK(value_of(decode(whole)).pixels == std::vector<std::uint8_t>(pixels.begin(), pixels.end()));
    CHECK_FALSE(value_of(decode(whole + "and more")).pixels.empty());
    error_of(decode(whole.substr(0, whole.size() - 1)), ErrorCode::kFileMalformed, "cut off");
    error_of(decode(whole.substr(0, whole.size() / 2)), ErrorCode::kFileMalformed, "cut off");
  }
}

TEST_CASE("no pixel comes from memory that nobody wrote", "[io][pictures]") {
  // Colours that a palette lacks; pixels that no scan and no frame holds.
  std::string missing_scan = seed_file("progressive.jpg");
  const std::size_t scan = missing_scan.find("\xff\xda");
  REQUIRE(scan != std::string::npos);
  missing_scan = missing_scan.substr(0, scan) + "\xff\xd9";
  std::string small_frame = seed_file("plain.gif");
  const std::size_t frame = small_frame.find('\x2c', 13 + 64 * 3);
  REQUIRE(frame != std::string::npos);
  small_frame[frame + 5] = 3;  // columns
  small_frame[frame + 7] = 2;  // rows
  for (const std::string& file : {poor_palette_png(), poor_palette_bmp(), missing_scan, small_frame}) {
    std::vector<std::string> seen;
    for (const int trace : {0x00, 0x5a, 0xff}) {
      leave_traces(trace);
      const Result<Image> image = decode(file);
      seen.push_back(image ? std::string(image->pixels.begin(), image->pixels.end()) : image.error().text());
    }
    CHECK(seen[0] == seen[1]);
    CHECK(seen[0] == seen[2]);
  }
  // Half of them show something, so that it is not the refusals that are the same.
  CHECK(decode(poor_palette_png()));
  CHECK(decode(poor_palette_bmp()));
}

TEST_CASE("pictures without pixels are refused", "[io][pictures]") {
  for (const std::string& file :
       {std::string("P6\n0 0\n255\n"), std::string("P6 0 5 255\n"), std::string("P5 5 0 255\n"),
        seed_file("found_no_height.bmp"), std::string("\0\0\2\0\0\0\0\0\0\0\0\0\0\0\7\0\x18\0", 18)})
    error_of(decode(file), ErrorCode::kFileMalformed, "a file: ");
}

TEST_CASE("a decoder that gives no reason is no reason to crash", "[io][pictures]") {
  // Its chunk of pixels claims 4 GiB.
  std::string png = seed_file("rgb.png");
  const std::size_t data = png.find("IDAT");
  png.replace(data - 4, 4, "\xff\xff\xff\xff");
  for (const std::string& file : {png, seed_file("found_no_reason.png"), std::string(), std::string("text")})
    CHECK(error_of(decode(file), ErrorCode::kFileMalformed, "a file: ").message().find("()") ==
          std::string::npos);
  // Nor is the reason that of another file.
  const std::string before = error_of(decode(png), ErrorCode::kFileMalformed).text();
  error_of(decode("P6 5 5 70000\n"), ErrorCode::kFileMalformed);
  CHECK(error_of(decode(png), ErrorCode::kFileMalformed).text() == before);
}

TEST_CASE("pictures are bounded before memory is taken", "[io][pictures]") {
  const io::ImageLimits small{1 << 20, 62, 1 << 20};
  error_of(decode(seed_file("rgb.png"), 3, small), ErrorCode::kLimitExceeded, "a file");
  CHECK(decode(seed_file("rgb.png"), 3, {1 << 20, 63, 1 << 20}));
  error_of(decode(seed_file("rgb.png"), 3, {157, 63, 1 << 20}), ErrorCode::kLimitExceeded, "a file");
  error_of(decode("P6 20000 20000 255\n", 3, {}), ErrorCode::kLimitExceeded, "a file");
  CHECK_FALSE(decode("P6 2000000000 2000000000 255\n"));
  CHECK_FALSE(decode("P6 99999999999999999999 1 255\n"));
  const Image image = value_of(decode(seed_file("rgb.png")));
  error_of(io::resize_image(image, 1 << 14, 1 << 14), ErrorCode::kLimitExceeded, "9x7");
  error_of(io::resize_image(image, 8, 8, small), ErrorCode::kLimitExceeded, "8x8");
  // Where the filter would need more than its 32 bits count.
  const Image high{1, 65000, 3, std::vector<std::uint8_t>(65000 * 3)};
  error_of(io::resize_image(high, 65000, 1), ErrorCode::kLimitExceeded, "1x65000");
}

TEST_CASE("PNM of 16 bits per channel is refused", "[io][pictures]") {
  for (const int channels : {1, 3})
    error_of(decode(seed_file("deep.ppm"), channels), ErrorCode::kFileMalformed,
             "more than 8 bits per channel");
}

TEST_CASE("a JPEG whose tables have more codes than symbols is refused", "[io][pictures]") {
  std::string jpeg = seed_file("baseline.jpg");
  const std::size_t table = jpeg.find("\xff\xc4");
  REQUIRE(table != std::string::npos);
  for (std::size_t i = 0; i < 16; ++i) jpeg[table + 5 + i] = '\xff';
  error_of(decode(jpeg), ErrorCode::kFileMalformed, "Corrupt JPEG");
}

TEST_CASE("cropping keeps the middle in the proportions of the network", "[io][pictures]") {
  const Image image = value_of(decode(seed_file("rgb.png")));
  const Image square = io::crop_image(image, 32, 32);
  CHECK(square.width == 7);
  CHECK(square.height == 7);
  for (int y = 0; y < 7; ++y) {
    for (int x = 0; x < 7; ++x)
      CHECK(square.pixels[static_cast<std::size_t>(3 * (7 * y + x))] == channel_at(x + 1, y, 0));
  }
  const Image flat = io::crop_image(image, 1000, 1);
  CHECK(flat.width == 9);
  CHECK(flat.height == 1);
  CHECK(flat.pixels[1] == channel_at(0, 3, 1));
  const Image thin = io::crop_image(image, 1, 1000);
  CHECK(thin.width == 1);
  CHECK(thin.height == 7);
  CHECK(thin.pixels[0] == channel_at(4, 0, 0));
}

TEST_CASE("resizing keeps what is even, averages, and copes with any proportions", "[io][pictures]") {
  const Image even{5, 4, 3, std::vector<std::uint8_t>(60, 77)};
  for (const auto& [width, height] : {std::pair{1, 1}, {3, 9}, {224, 224}, {1, 500}, {500, 1}}) {
    const Image resized = value_of(io::resize_image(even, width, height));
    REQUIRE(resized.pixels.size() == static_cast<std::size_t>(width * height * 3));
    CHECK(std::all_of(resized.pixels.begin(), resized.pixels.end(),
                      [](int value) { return std::abs(value - 77) <= 1; }));
  }
  const Image board{2, 2, 1, {0, 100, 100, 200}};
  const Image mean = value_of(io::resize_image(board, 1, 1));
  CHECK(std::abs(mean.pixels[0] - 100) <= 1);
  const Image long_one{20000, 1, 1, std::vector<std::uint8_t>(20000, 9)};
  CHECK(value_of(io::resize_image(long_one, 1, 1)).pixels == std::vector<std::uint8_t>{9});
}

}  // namespace
}  // namespace fettle::test
