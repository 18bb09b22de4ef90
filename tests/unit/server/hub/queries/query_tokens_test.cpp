// Continuation tokens: for what they are good, and for how long.
#include "server/hub/queries/query_token.hpp"

#include "tests/unit/server/hub/queries/queries_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include <filesystem>

namespace twinhub::hub {
namespace {

using ::testing::ElementsAre;

TEST(QueryTokens, ATokenIsGoodForItsQueryAlone) {
  World world;
  create(world, 10);
  const auto first = run(world.hub.queries, {.text = everything, .page_rows = 3});
  ASSERT_TRUE(first);
  const std::string token = first->page.continuation;
  EXPECT_EQ(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_TRUE(run(world.hub.queries, {.text = everything, .page_rows = 3, .continuation = token}));
  const auto other = run(world.hub.queries, {.text = everything + " ", .page_rows = 3, .continuation = token});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::argument_invalid);
}

TEST(QueryTokens, AGarbledTokenIsRefused) {
  World world;
  create(world, 10);
  const std::string token = run(world.hub.queries, {.text = everything, .page_rows = 3})->page.continuation;
  const auto refused = [&](const std::string& text) {
    const auto told = run(world.hub.queries, {.text = everything, .continuation = text});
    return !told && told.error().code == Errc::argument_invalid;
  };
  for (std::size_t i = 0; i < token.size(); ++i) {
    std::string changed = token;
    // The last character's low bits stand for nothing: change its high ones.
    changed[i] = changed[i] == 'A' ? 'q' : 'A';
    EXPECT_TRUE(refused(changed)) << i;
    EXPECT_TRUE(refused(token.substr(0, i) + "!" + token.substr(i))) << i;
    if (i > 0) {
      EXPECT_TRUE(refused(token.substr(0, i))) << i;
    }
  }
  EXPECT_TRUE(refused(token + token));
  EXPECT_TRUE(refused(std::string(5000, 'A')));
  EXPECT_TRUE(refused("null"));
}

TEST(QueryTokens, AWrittenTokenIsReadBack) {
  for (const QueryToken& token : {QueryToken{"", 0}, QueryToken{std::string("d\0m", 3), 1}, QueryToken{"x", ~0ULL}})
    EXPECT_EQ(read_query_token(write_query_token(token, "q"), "q"), token);
}

TEST(QueryTokens, ATokenSurvivesARestart) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("twinhub-queries-" + std::to_string(::getpid()));
  std::filesystem::remove_all(folder);
  storage::StoreOptions options;
  options.directory = folder;
  options.durability = storage::Durability::os;
  std::string token;
  {
    World world(options);
    create(world, 10);
    token = run(world.hub.queries, {.text = everything, .page_rows = 4})->page.continuation;
  }
  {
    World world(options);
    ASSERT_TRUE(world.remove({id_of(3), ""}));  // the very row that the token names
    ASSERT_TRUE(world.remove({id_of(5), ""}));
    ASSERT_TRUE(world.put({"device-0004a", ""}));
    const auto next = run(world.hub.queries, {.text = everything, .page_rows = 4, .continuation = token});
    ASSERT_TRUE(next);
    EXPECT_THAT(ids_of(next->page.json), ElementsAre(id_of(4), "device-0004a", id_of(6), id_of(7)));
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace twinhub::hub
