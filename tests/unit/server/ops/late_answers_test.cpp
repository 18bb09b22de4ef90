// Answers that come late, or never: whoever waits gets one.
#include "server/ops/late_answers.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace twinhub::ops {
namespace {

class LateAnswersOfADoor : public ::testing::Test {
 protected:
  LateAnswers::Added ask() {
    return late_->add([this](const SiteAnswer& answer) { sent_.push_back(answer.status); });
  }

  boost::asio::io_context context_;
  std::shared_ptr<LateAnswers> late_ = std::make_shared<LateAnswers>(context_);
  std::vector<unsigned> sent_;
};

TEST_F(LateAnswersOfADoor, AnAnswerIsSentOnceOnTheDoorsThread) {
  {
    const auto added = ask();
    added.answered({.status = 201});
    EXPECT_TRUE(sent_.empty());
  }
  context_.run();
  EXPECT_EQ(sent_, std::vector<unsigned>{201});
}

TEST_F(LateAnswersOfADoor, WhatIsDroppedWithoutAnAnswerIs503) {
  {
    const auto added = ask();
    const auto copy = added.answered;
  }
  context_.run();
  EXPECT_EQ(sent_, std::vector<unsigned>{503});
}

TEST_F(LateAnswersOfADoor, NobodyIsToldWhoHasLeftNorWhenTheDoorIsGone) {
  {
    const auto left = ask();
    late_->forget(left.number);
  }
  const auto stays = ask();
  late_->close();
  stays.answered({.status = 200});
  context_.run();
  EXPECT_TRUE(sent_.empty());
}

}  // namespace
}  // namespace twinhub::ops
