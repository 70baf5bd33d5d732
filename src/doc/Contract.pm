# Contract - what a reader of a public header sees: comments, macros and declarations, in their order.
#
# The headers are the only place where contracts are written; manual pages and Doxygen's input are made of them, and
# they stay plain C: a comment belongs to what follows it without an empty line, "/* ---- title */" opens a group, and
# a group called "no interface" is not for readers.
package Contract;
use strict;
use warnings;

# A comment's text without its stars; what lines are indented by among themselves stays.
sub comment_text {
    my ($text) = @_;
    $text =~ s{^/\*+[ \t]*\n?}{};
    $text =~ s{\s*\*/$}{};
    $text =~ s{^[ \t]*\* ?}{}mg;
    $text =~ s{^[ \t]+}{}mg if $text !~ /\n/;
    return $text;
}

# One declaration or definition from where pos() is: to its ; or, a function's, to its last brace.
sub next_code {
    my ($source) = @_;
    my ($code, $depth, $function) = ('', 0, 0);
    while ($$source =~ m{\G(/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[{};]|[^{};"'/]+|/)}gcs) {
        my $piece = $1;
        $function = 1 if $depth == 0 && $piece =~ /\)\s*$/ && $code . $piece !~ /^(typedef|struct|union|enum|class)\b/;
        $code .= $piece;
        $depth++ if $piece eq '{';
        $depth-- if $piece eq '}';
        last if $depth == 0 && ($piece eq ';' || $piece eq '}' && $function);
    }
    return $code;
}

# The header as tokens { kind, text, gap }: kind is comment, macro, directive, code or bracket (of extern "C", of a
# namespace), gap whether an empty line stands before it. Nothing but white space is lost.
sub tokens {
    my ($source) = @_;
    my @tokens;
    pos($source) = 0;
    while ($source =~ /\G(\s*)/gc && pos($source) < length $source) {
        my $gap = $1 =~ /\n\s*\n/ ? 1 : 0;
        my ($kind, $text);
        if ($source =~ m{\G/\*.*?\*/}gcs) { ($kind, $text) = ('comment', $&) }
        elsif ($source =~ m{\G//[^\n]*}gc) { ($kind, $text) = ('directive', $&) }
        elsif ($source =~ m{\G#(?:[^\n\\]|\\.)*}gcs) {
            $text = $&;
            $kind = $text =~ /^#\s*define/ ? 'macro' : 'directive';
        }
        elsif ($source =~ m/\G(?:extern\s+"C"\s*\{|(?:inline\s+)?namespace[^{;]*\{|\})/gc) {
            ($kind, $text) = ('bracket', $&);
        }
        else { ($kind, $text) = ('code', next_code(\$source)) }
        die "Contract: cannot read on at: " . substr($source, pos($source), 60) . "\n" if $text eq '';
        push @tokens, { kind => $kind, text => $text, gap => $gap };
    }
    return @tokens;
}

# A declaration in one line, without attributes, comments and the body of a function or a class.
sub plain {
    my ($code) = @_;
    $code =~ s{/\*.*?\*/}{ }gs;
    $code =~ s/\bBUFPOOL_[A-Z_]+\b(\s*\((?:[^()]|\([^()]*\))*\))?(?!\s*[,)\]])//g;
    $code =~ s/__attribute__\s*(\((?:[^()]|(?1))*\))//g;
    $code =~ s/\b(extern|static|inline|__thread)\b//g;
    $code =~ s/\{.*\}\s*$/;/s if $code !~ /^\s*(typedef|struct|union|enum|class)\b/;
    $code =~ s/\{.*\}/{}/s if $code =~ /^\s*class\b/;
    $code =~ s/\s+/ /g;
    $code =~ s/^ | (?=;)| $//g;
    return $code;
}

# What a declaration declares: ('function' | 'variable' | 'type', its name).
sub declared {
    my ($code) = @_;
    my $plain = plain($code);
    return ('type', $1) if $plain =~ /^typedef\b.*\(\s*\*\s*(\w+)\s*\)\s*\(/;
    return ('type', $1) if $plain =~ /^typedef\b.*?(\w+)\s*;$/;
    return ('type', $1) if $plain =~ /^((?:struct|union|enum|class)\s+\w+)(?:\s+final)?\s*[{;:]/;
    return ('function', $1) if $plain =~ /(\w+)\s*\(/;
    return ('variable', $1) if $plain =~ /(\w+)\s*(?:\[[^]]*\])?\s*(?:=.*)?;$/;
    die "Contract: what does this declare? $plain\n";
}

# The members of a struct or an enum, [declaration, comment] each; a remark between them has no declaration. Nothing
# for other types.
sub members {
    my ($code) = @_;
    return if $code !~ /^(?:typedef\s+)?(struct|enum)[^{;]*\{(.*)\}/s;
    my ($body, @members) = ($2);
    my $member = $1 eq 'enum' ? qr{[^,/]+(?:,|$|(?=/\*))} : qr{[^;/]+;};
    while ($body =~ m{\G\s*(?:/\*(.*?)\*/|($member)[ \t]*(?:/\*(.*?)\*/)?)}gs) {
        my ($remark, $name, $comment) = ($1, $2, $3);
        $name =~ s/\s*[;,]?\s*$// if defined $name;
        push @members, [$name, join ' ', split ' ', $comment // $remark // ''];
    }
    return \@members;
}

# What an item is for its readers: its functions and exported variables as names, or nothing where it is not theirs.
# Theirs are exported names, which must have a contract; inline functions whose comment begins "name - "; types, macros
# and remarks that have a comment.
sub publish {
    my ($item, $group, $path) = @_;
    my (@codes, @names);
    for my $code (@{ $item->{codes} }) {
        my ($kind, $name) = declared($code);
        if ($code =~ /\bBUFPOOL_API\b/) {
            die "Contract: $path: $name has no contract\n" if !defined $item->{comment} && !$group->{internal};
            push @names, $name;
        }
        elsif ($kind eq 'function') {
            next if ($item->{comment} // '') !~ /^(?:\w+, )*\Q$name\E\b(?:, \w+)* - /;
            push @names, $name;
        }
        elsif ($kind eq 'variable') { next }
        push @codes, $code;
    }
    my $hidden = @{ $item->{codes} } && !@codes;
    $item->{codes} = \@codes;
    $item->{names} = \@names;
    return !$hidden && ($group->{internal} ? @names > 0 : defined $item->{comment});
}

# The header as { include, name, what, opening, groups }; a group is { title, internal, items, names }, an item
# { comment, macros, codes, names }: what shares one comment.
sub header {
    my ($path) = @_;
    open my $file, '<', $path or die "Contract: $path: $!\n";
    my @tokens = tokens(do { local $/; <$file> });
    (my $include = $path) =~ s{.*?include/(?=bufpool)}{};
    (my $name = $include) =~ s{\.h(pp)?$}{};
    $name =~ tr{/}{_};
    my $opening;
    my @groups = ({ title => '', items => [] });
    my $item;
    for my $token (@tokens) {
        my ($kind, $text) = @$token{qw(kind text)};
        if ($kind eq 'comment') {
            my $comment = comment_text($text);
            undef $item;
            if (!defined $opening) { $opening = $comment }
            elsif ($comment =~ /^-{8,} (.*\S)/) {
                push @groups, { title => $1, items => [], internal => $1 eq 'no interface' };
            }
            else { push @{ $groups[-1]{items} }, $item = { comment => $comment, macros => [], codes => [] } }
        }
        elsif ($kind eq 'macro' || $kind eq 'code') {
            undef $item if $token->{gap};
            push @{ $groups[-1]{items} }, $item = { macros => [], codes => [] } if !$item;
            push @{ $item->{"${kind}s"} }, $text;
        }
        else { undef $item }
    }
    for my $group (@groups) {
        $group->{items} = [grep { publish($_, $group, $path) } @{ $group->{items} }];
        $group->{names} = [map { @{ $_->{names} } } @{ $group->{items} }];
    }
    ($opening // '') =~ /^\S+ - (.*?)(?:[.;:](?=\s|$)\s*|$)/s
        or die "Contract: $path does not open with \"name - what\"\n";
    (my $what = $1) =~ s/\s+/ /g;
    return { include => $include, name => $name, what => $what, opening => $opening, groups => \@groups };
}

1;
