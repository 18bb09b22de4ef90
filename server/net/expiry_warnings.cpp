#include "server/net/expiry_warnings.hpp"

#include <ctime>
#include <iterator>

namespace twinhub::net {
namespace {

constexpr std::int64_t day = 24 * 3600;
constexpr std::int64_t thresholds[] = {30 * day, 7 * day, day, 0};
constexpr int is_over = std::size(thresholds);

int steps_passed(std::int64_t left) {
  int passed = 0;
  for (const std::int64_t threshold : thresholds) passed += left <= threshold ? 1 : 0;
  return passed;
}

std::string date_of(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  char text[32] = {};
  if (::gmtime_r(&time, &parts) != nullptr) std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts);
  return text;
}

std::string left_words(std::int64_t left) {
  constexpr std::int64_t hour = 3600;
  const bool in_days = left >= 2 * day;
  const std::int64_t count = in_days ? left / day : left / hour;
  return "in " + std::to_string(count) + (in_days ? " days" : count == 1 ? " hour" : " hours");
}

std::string words_about(const CertificateEnd& certificate, std::int64_t now) {
  const std::int64_t left = certificate.ends_at - now;
  const std::string whose = certificate.which == "server" ? "the server's certificate (" : "the CA's certificate (";
  return whose + certificate.subject + ") " + (left <= 0 ? "has ended" : "ends " + left_words(left)) + ", on " +
         date_of(certificate.ends_at);
}

}  // namespace

std::vector<ExpiryWarning> ExpiryWarnings::look(std::span<const CertificateEnd> certificates, std::int64_t now) {
  std::vector<ExpiryWarning> warnings;
  for (const CertificateEnd& certificate : certificates) {
    Said& said = said_[certificate.which];
    if (said.of != certificate) said = {certificate, 0};
    const int step = steps_passed(certificate.ends_at - now);
    if (step > said.step) warnings.push_back({certificate.which, words_about(certificate, now), step == is_over});
    said.step = step;  // also back, when the clock went back
  }
  return warnings;
}

}  // namespace twinhub::net
