#include "server/ops/metrics.hpp"

#include <gtest/gtest.h>

namespace twinhub::ops {
namespace {

TEST(Metrics, AreInPrometheusTextFormat) {
  const std::string text =
      render({{"twinhub_things_total", "Things.", 3, true}, {"twinhub_open", "Open.", 1.5, false}});
  EXPECT_EQ(text,
            "# HELP twinhub_things_total Things.\n# TYPE twinhub_things_total counter\ntwinhub_things_total 3\n"
            "# HELP twinhub_open Open.\n# TYPE twinhub_open gauge\ntwinhub_open 1.5\n");
}

TEST(Metrics, FiguresOfOneNameAreToldApartByTheirLabels) {
  const std::string text = render({{"twinhub_sent_total", "Sent.", 1, true, {{"endpoint", "a"}}},
                                   {"twinhub_sent_total", "Sent.", 2, true, {{"endpoint", "b"}}}});
  EXPECT_EQ(text,
            "# HELP twinhub_sent_total Sent.\n# TYPE twinhub_sent_total counter\ntwinhub_sent_total{endpoint=\"a\"} 1\n"
            "twinhub_sent_total{endpoint=\"b\"} 2\n");
}

TEST(Metrics, AHistogramHasItsBucketsOneInAnother) {
  TimeCounts times;
  times.add(std::chrono::microseconds(60));
  times.add(std::chrono::milliseconds(2));
  times.add(std::chrono::minutes(1));
  const std::string text = render({{"twinhub_wait_seconds", "Waits.", 0, false, {{"door", "mqtt"}}, times},
                                   {"twinhub_wait_seconds", "Waits.", 0, false, {{"door", "amqp"}}, TimeCounts()}});
  EXPECT_TRUE(text.starts_with("# HELP twinhub_wait_seconds Waits.\n# TYPE twinhub_wait_seconds histogram\n")) << text;
  for (const char* line :
       {"twinhub_wait_seconds_count{door=\"mqtt\"} 3\n", "twinhub_wait_seconds_sum{door=\"mqtt\"} 60.00206",
        "twinhub_wait_seconds_bucket{door=\"mqtt\",le=\"0.0001\"} 1\n",
        "twinhub_wait_seconds_bucket{door=\"mqtt\",le=\"0.0025\"} 2\n",
        "twinhub_wait_seconds_bucket{door=\"mqtt\",le=\"10\"} 2\n",
        "twinhub_wait_seconds_bucket{door=\"mqtt\",le=\"+Inf\"} 3\n", "twinhub_wait_seconds_count{door=\"amqp\"} 0\n"})
    EXPECT_NE(text.find(line), std::string::npos) << line << text;
}

TEST(Metrics, OfTheProcessAreThere) {
  const std::string text = render(process_figures());
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
                           "process_max_fds", "process_start_time_seconds"}) {
    EXPECT_NE(text.find("\n" + std::string(name) + " "), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace twinhub::ops
