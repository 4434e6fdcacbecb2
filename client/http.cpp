#include "client/http.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

#include <curl/curl.h>
#include <fmt/format.h>

namespace mco::client {
namespace {

using proto::Errc;
using proto::fail;

// libcurl with what it needs itself is thirty libraries, most of a short command's time.
struct Curl {
    decltype(&curl_easy_init) init = nullptr;
    decltype(&curl_easy_setopt) set = nullptr;
    decltype(&curl_easy_perform) perform = nullptr;
    decltype(&curl_easy_getinfo) info = nullptr;
    decltype(&curl_easy_cleanup) cleanup = nullptr;
    decltype(&curl_slist_append) append = nullptr;
    decltype(&curl_slist_free_all) free_list = nullptr;

    static const Curl* load() {
        static const Curl curl = [] {
            Curl loaded;
            void* library = ::dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);  // stays until the end
            if (library == nullptr) return loaded;
            bool whole = true;
            const auto find = [&](auto& function, const char* name) {
                function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
                whole = whole && function != nullptr;
            };
            find(loaded.set, "curl_easy_setopt");
            find(loaded.perform, "curl_easy_perform");
            find(loaded.info, "curl_easy_getinfo");
            find(loaded.cleanup, "curl_easy_cleanup");
            find(loaded.append, "curl_slist_append");
            find(loaded.free_list, "curl_slist_free_all");
            if (whole) find(loaded.init, "curl_easy_init");
            return loaded;
        }();
        return curl.init == nullptr ? nullptr : &curl;
    }
};

struct Answer {
    std::string text;
    std::size_t most;
    bool full = false;
};

std::size_t take(char* octets, std::size_t size, std::size_t count, void* into) {
    auto& answer = *static_cast<Answer*>(into);
    answer.full = answer.text.size() + size * count > answer.most;
    if (answer.full) return 0;  // ends the transfer
    answer.text.append(octets, size * count);
    return size * count;
}

}  // namespace

proto::Result<std::string> http_post(const HttpRequest& request) {
    const auto failed = [&](Errc code, std::string_view what) {
        return fail(code, fmt::format("{}: {}", request.url, what));
    };
    const auto* curl = Curl::load();
    if (curl == nullptr) return failed(Errc::unsupported, "libcurl.so.4 cannot be loaded; install the package libcurl4");
    const std::unique_ptr<CURL, void (*)(CURL*)> handle(curl->init(), curl->cleanup);
    if (!handle) return failed(Errc::internal, "libcurl cannot be started");
    const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(
        curl->append(curl->append(nullptr, "Content-Type: application/json"), "Accept: application/json"), curl->free_list);
    Answer answer{.text = {}, .most = request.answer_max};
    char why[CURL_ERROR_SIZE] = "";
    const auto set = [&](CURLoption option, auto value) { curl->set(handle.get(), option, value); };
    set(CURLOPT_URL, request.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.c_str());
    set(CURLOPT_HTTPHEADER, headers.get());
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_TIMEOUT, static_cast<long>(std::max<std::int64_t>(request.patience.count(), 1)));  // 0 would be for ever
    set(CURLOPT_ERRORBUFFER, why);
    set(CURLOPT_WRITEFUNCTION, take);
    set(CURLOPT_WRITEDATA, static_cast<void*>(&answer));
    if (!request.ca.empty()) set(CURLOPT_CAINFO, request.ca.c_str());
    if (!request.certificate.empty()) set(CURLOPT_SSLCERT, request.certificate.c_str());
    if (!request.key.empty()) set(CURLOPT_SSLKEY, request.key.c_str());
    if (request.kerberos) {
        set(CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_NEGOTIATE));
        set(CURLOPT_USERPWD, ":");  // the name is in the ticket
    }
    const auto performed = curl->perform(handle.get());
    if (answer.full) return failed(Errc::invalid, fmt::format("the answer has more than {} octets", request.answer_max));
    if (performed == CURLE_OPERATION_TIMEDOUT)
        return failed(Errc::expired, fmt::format("no answer within {} s; give it longer with --dt SECONDS", request.patience.count()));
    if (performed != CURLE_OK)
        return failed(Errc::unreachable, *why != '\0' ? std::string(why) : fmt::format("libcurl failed ({})", static_cast<int>(performed)));
    long status = 0;
    curl->info(handle.get(), CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) return std::move(answer.text);
    return failed(Errc::invalid, fmt::format("the server answered {}: {}", status, answer.text.substr(0, 200)));
}

}  // namespace mco::client
