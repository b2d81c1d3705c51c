// Reads an event file of snmc with ROOT: prints entries and sums of weights, draws the energies.
//
//   root -l -b -q 'macros/read_events.C("sn1987a-gamma.root")'
//
// The picture goes to <file>.energy.png, or to the name given as second argument.

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>

#include "TCanvas.h"
#include "TError.h"
#include "TFile.h"
#include "TCollection.h"
#include "TH1D.h"
#include "TObjString.h"
#include "TString.h"
#include "TTree.h"
#include "TTreeReader.h"
#include "TTreeReaderArray.h"
#include "TTreeReaderValue.h"

int read_events(const char *path, const char *picture = "")
{
   std::unique_ptr<TFile> file(TFile::Open(path));
   if (!file || file->IsZombie()) {
      Error("read_events", "cannot open %s", path);
      return 1;
   }

   // Weights of arrivals sum to the expected fluence [1/cm2]. Simulated data, known by the branch
   // `supernova`, have weights of 1: each row is one draw, and one arrival one reaction.
   auto tree = file->Get<TTree>("arrivals");
   const bool simulated = tree && tree->GetBranch("supernova");
   const char *sum = simulated ? "reactions" : "fluence", *unit = simulated ? "" : " /cm2";
   TTreeReader arrivals("arrivals", file.get());
   TTreeReaderValue<Double_t> weight(arrivals, "weight"), energy(arrivals, "energy");
   TTreeReaderValue<Short_t> generator(arrivals, "generator");
   std::map<int, double> of_generator;
   double total = 0, lowest = 1e300, highest = 0;
   while (arrivals.Next()) {
      total += *weight;
      of_generator[*generator] += *weight;
      lowest = std::min(lowest, *energy);
      highest = std::max(highest, *energy);
   }
   printf("arrivals %lld entries, %s %.17g%s\n", arrivals.GetEntries(), sum, total, unit);
   if (of_generator.size() > 1)
      for (auto [number, part] : of_generator)
         printf("  generator %d: %.17g%s\n", number, part, unit);

   // Weights of accepted detections sum to the expected count; simulated ones are counted.
   if (file->GetListOfKeys()->FindObject("detections")) {
      TTreeReader detections("detections", file.get());
      TTreeReaderValue<Double_t> counts(detections, "weight");
      TTreeReaderValue<Bool_t> accepted(detections, "accepted");
      TTreeReaderArray<Double_t> particles(detections, "particles_energy");
      double expected = 0;
      long long final_state = 0;
      while (detections.Next()) {
         if (*accepted) expected += *counts;
         final_state += particles.GetSize();
      }
      printf("detections %lld entries, %s %.17g counts, %lld particles\n",
             detections.GetEntries(), simulated ? "simulated" : "expected", expected, final_state);
   }

   if (auto metadata = file->Get<TObjString>("metadata"))
      printf("metadata %zu bytes of JSON\n", static_cast<size_t>(metadata->GetString().Length()));
   for (auto key : *file->GetListOfKeys())
      if (TString(key->GetName()).BeginsWith("parent_spectrum")) {
         auto parents = file->Get<TH1D>(key->GetName());
         printf("%s %d bins, integral %.17g\n", key->GetName(), parents->GetNbinsX(),
                parents->Integral("width"));
      }

   if (total > 0) {
      TH1D spectrum("spectrum", simulated ? ";energy [MeV];reactions of all supernovae [1/MeV]"
                                          : ";energy [MeV];fluence [1/cm^{2}/MeV]",
                    60, lowest, highest > lowest ? highest : lowest + 1);
      spectrum.Sumw2();
      arrivals.Restart();
      while (arrivals.Next()) spectrum.Fill(*energy, *weight);
      spectrum.Scale(1., "width");
      TCanvas canvas("canvas", "", 800, 600);
      canvas.SetLogy();
      spectrum.SetStats(false);
      spectrum.Draw("hist e");
      canvas.SaveAs(*picture ? picture : (TString(path) + ".energy.png").Data());
   }
   return 0;
}
