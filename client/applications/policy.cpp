#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "client/applications/applications.hpp"
#include "client/terminal.hpp"
#include "client/words.hpp"
#include "proto/limits.hpp"
#include "proto/text_file.hpp"
#include "proto/value.hpp"
#include "security/policy.hpp"

namespace mco::client::applications {
namespace {

namespace fs = std::filesystem;
using proto::Errc;
using proto::fail;
using proto::Result;

constexpr std::string_view default_folder = "/etc/mco/policies";

constexpr std::array asking{
    Option{"caller", "CALLER", Section::application, "Who asks: cert=alice, or alice alone"},
    Option{"agent", "AGENT", Section::application, "Of which agent"},
    Option{"action", "ACTION", Section::application, "Which action"},
    Option{"fact", "NAME=VALUE", Section::application, "A fact of the machine, as often as needed"},
    Option{"facts", "FILE", Section::application, "Its facts, one JSON object"},
    Option{"class", "NAME", Section::application, "A class of the machine, as often as needed"},
    Option{"default", "NAME", Section::application, "NAME.policy decides for agents without a file (enable_default)"},
    Option{"allow-unconfigured", "", Section::application, "Agents without a file are open (allow_unconfigured)"},
};

void declare(OptionSet& options) {
    options.add(asking);
    options.add(json_option());
    options.add(required_options());
}

// A folder as mcod reads it, or one file with the groups beside it.
Result<security::Policy> load(const Context& context, const fs::path& path) {
    std::error_code ignored;
    if (!fs::exists(path, ignored))
        return fail(Errc::not_found, fmt::format("{}: there is no such file or folder\nName the folder of the policies.", path.string()));
    security::Policy::Settings settings{.allow_unconfigured = context.options.has("allow-unconfigured"),
                                        .enable_default = context.options.has("default"),
                                        .default_name = context.options.value("default").value_or("default")};
    if (fs::is_directory(path, ignored)) return security::Policy::read(path, std::move(settings));
    const auto text = proto::read_text_file(path, proto::limits::config_size_max);
    if (!text) return tl::unexpected(text.error());
    const auto groups = proto::read_text_file(path.parent_path() / "groups", proto::limits::config_size_max);
    if (!groups && groups.error().code != Errc::not_found) return tl::unexpected(groups.error());
    return security::Policy::parse(path.stem().string(), *text, groups.value_or(std::string()), std::move(settings));
}

Result<proto::Traits> machine(const Context& context) {
    proto::Traits traits;
    proto::Value::Map facts;
    if (const auto file = context.options.value("facts")) {
        const auto text = proto::read_text_file(*file, proto::limits::facts_size_max);
        if (!text) return tl::unexpected(text.error());
        auto value = proto::parse_json(*text);
        if (!value) return fail(Errc::invalid, fmt::format("{}: {}", *file, value.error().detail));
        if (value->map() == nullptr) return fail(Errc::invalid, fmt::format("{}: is no JSON object\nWrite {{\"country\": \"uk\"}}", *file));
        facts = std::move(*value->map());
    }
    for (const auto& word : context.options.values("fact")) {
        const auto equals = word.find('=');
        if (equals == 0 || equals == std::string::npos)
            return fail(Errc::invalid, fmt::format("--fact '{}': write it like country=uk", word));
        facts[word.substr(0, equals)] = word.substr(equals + 1);
    }
    traits.facts = std::move(facts);
    const auto classes = context.options.values("class");
    traits.classes.assign(classes.begin(), classes.end());
    return traits;
}

ExitStatus print(Context& context, const security::Policy::Question& question, const security::Policy::Verdict& verdict,
                 const std::vector<std::string>& sources) {
    const auto word = verdict.open ? "undecided" : verdict.allowed ? "allowed" : "denied";
    if (context.options.has("json")) {
        context.out() << proto::to_json(proto::Value::Map{{"caller", std::string(question.caller)},
                                                          {"agent", std::string(question.agent)},
                                                          {"action", std::string(question.action)},
                                                          {"verdict", word},
                                                          {"decided_by", verdict.decided_by},
                                                          {"line", verdict.line}})
                      << '\n';
    } else {
        context.out() << fmt::format("{} {} {}: {} by {}\n", visible(question.caller), visible(question.agent),
                                     visible(question.action), word, visible(verdict.decided_by));
        if (verdict.open)
            context.out() << fmt::format("only a node can tell: the line asks {}\n", visible(fmt::format("{}", fmt::join(sources, ", "))));
        auto columns = verdict.line;
        std::replace(columns.begin(), columns.end(), '\t', ' ');
        if (!columns.empty()) context.out() << fmt::format("    {}\n", visible(columns));
    }
    return verdict.allowed ? ExitStatus::ok : ExitStatus::failed;
}

Result<ExitStatus> check(Context& context, std::span<const std::string> words) {
    if (words.size() > 1) return fail(Errc::invalid, fmt::format("'{}' is one word too many", words[1]));
    const fs::path path = words.empty() ? fs::path(default_folder) : fs::path(words[0]);
    const auto policy = load(context, path);
    if (!policy) return tl::unexpected(policy.error());
    auto caller = context.options.value("caller");
    const auto agent = context.options.value("agent");
    const auto action = context.options.value("action");
    if (!caller && !agent && !action) {
        const auto agents = policy->agents();
        if (context.options.has("json")) {
            const proto::Value names = proto::Value::List(agents.begin(), agents.end());
            context.out() << visible_json(proto::to_json(proto::Value::Map{{"path", path.string()}, {"policies", names}})) << '\n';
            return ExitStatus::ok;
        }
        context.out() << fmt::format("{} is fine: {}\n", visible(path.string()), counted(agents.size(), "policy", "policies"));
        return ExitStatus::ok;
    }
    if (!caller || !agent || !action)
        return fail(Errc::invalid, "needs --caller, --agent and --action together\n"
                                   "Like this: mco policy check --caller cert=alice --agent service --action restart");
    if (caller->find('=') == std::string::npos) *caller = "cert=" + *caller;
    const auto traits = machine(context);
    if (!traits) return tl::unexpected(traits.error());
    const security::Policy::Question question{*caller, *agent, *action};
    return print(context, question, policy->decide(question, *traits), policy->sources(question));
}

Result<ExitStatus> run(Context& context) {
    const std::span words(context.options.words());
    if (words.empty() || words[0] != "check")
        return fail(Errc::invalid, "needs check\nLike this: mco policy check /etc/mco/policies");
    return check(context, words.subspan(1));
}

}  // namespace

const Command policy{
    "policy",
    "Checks policy files, and tells which line decides",
    "check [FOLDER|FILE]\n[options] check [FOLDER|FILE]",
    "mco policy check /etc/mco/policies\n"
    "mco policy check --caller cert=alice --agent service --action restart --fact country=uk --class apache\n"
    "mco policy check service.policy --caller alice --agent service --action stop -j",
    declare,
    run,
};

}  // namespace mco::client::applications
