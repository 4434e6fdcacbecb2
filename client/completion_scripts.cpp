#include "client/completion_scripts.hpp"

namespace mco::client {
namespace {

// Bash takes = and : for ends of words, too: only what stands behind the last of them is replaced.
constexpr std::string_view bash = R"(# Completion of mco for bash: in /usr/share/bash-completion/completions/mco, or: source <(mco completion bash)
_mco() {
    local line=${COMP_LINE:0:COMP_POINT} candidate kept=
    local word=${line##*[[:space:]]}
    if [[ $COMP_WORDBREAKS == *=* ]]; then kept=${word%"${word##*[=:]}"}; fi
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        COMPREPLY+=("${candidate#"$kept"}")
    done < <(mco completion --complete "$line" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then compopt -o nospace; fi
}
complete -o default -F _mco mco
)";

constexpr std::string_view zsh = R"(#compdef mco
# Completion of mco for zsh: as _mco in a folder of $fpath, or: source <(mco completion zsh)
_mco() {
    local -a whole open
    local word help
    while IFS=$'\t' read -r word help; do
        word=${word//:/\\:}
        if [[ $word == *= ]]; then open+=("$word:$help"); else whole+=("$word:$help"); fi
    done < <(mco completion --complete "$LBUFFER" 2>/dev/null)
    if (( $#whole + $#open == 0 )); then _files; return; fi
    (( $#whole )) && _describe -t words mco whole
    (( $#open )) && _describe -t words mco open -S ''
}
if [[ $funcstack[1] == _mco ]]; then _mco "$@"; else compdef _mco mco; fi
)";

constexpr std::string_view fish = R"(# Completion of mco for fish: in /usr/share/fish/vendor_completions.d/mco.fish, or: mco completion fish | source
function __mco_words
    set -l words (mco completion --complete (commandline -cp | string collect) 2>/dev/null)
    if set -q words[1]
        printf '%s\n' $words
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c mco -f -a '(__mco_words)'
)";

}  // namespace

std::string_view completion_script(std::string_view shell) {
    if (shell == "bash") return bash;
    if (shell == "zsh") return zsh;
    if (shell == "fish") return fish;
    return {};
}

}  // namespace mco::client
